// Verifies the studio's webhooks with the package of the standard: npm install standardwebhooks
// Give it the raw body; verify_webhook.ts says how the frameworks keep it.

import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { NotSigned, type StudioEvent } from "./verify_webhook.ts";

/** Return the event if one of `secrets` (two while one replaces the other) signed it. */
export function readEvent(
  body: Buffer,
  headers: Record<string, string>,
  secrets: string[],
): StudioEvent {
  for (const secret of secrets) {
    try {
      return new Webhook(secret).verify(body, headers) as StudioEvent;
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
    }
  }
  throw new NotSigned("no known secret made this signature, or its time is off by minutes");
}
