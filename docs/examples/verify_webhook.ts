// Verifies the studio's webhooks with what Node has: no package needed.
//
// Give it the raw body, before any JSON parser saw it. Express: app.post("/webhooks/:event",
// express.raw({ type: "application/json" }), …) and req.body; Fastify: a content type parser with
// parseAs "buffer"; Next.js: Buffer.from(await request.arrayBuffer()).

import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 5 * 60;

export type StudioEvent = {
  type: string; // "classification-complete", "video-progress", "job-failed", …
  timestamp: string; // when it happened
  data: {
    job_id: string;
    type: string; // the kind of job, "classify_photos"
    status: "processing" | "completed" | "failed" | "cancelled";
    attempt: number;
    listing_id: string | null;
    progress?: Record<string, unknown>;
    result?: Record<string, unknown>;
    error?: Record<string, unknown>;
  };
};

type Headers = Record<string, string | string[] | undefined>;

/** Answer 401: nobody who knows a secret sent this, or it is more than five minutes old. */
export class NotSigned extends Error {}

/** Return the event if one of `secrets` (two while one replaces the other) signed it. */
export function readEvent(body: Buffer, headers: Headers, secrets: string[]): StudioEvent {
  const id = one(headers, "webhook-id");
  const timestamp = one(headers, "webhook-timestamp");
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!/^\d+$/.test(timestamp) || age > TOLERANCE_S) {
    throw new NotSigned("the delivery is too old or too new");
  }
  const given = one(headers, "webhook-signature").split(" ");
  for (const secret of secrets) {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const signed = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
    if (given.some((signature) => isSame(signature, signed))) {
      return JSON.parse(body.toString("utf8")) as StudioEvent;
    }
  }
  throw new NotSigned("no known secret made this signature");
}

function isSame(signature: string, expected: Buffer): boolean {
  const [version, encoded] = signature.split(",");
  if (version !== "v1" || encoded === undefined) return false;
  const bytes = Buffer.from(encoded, "base64");
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}

function one(headers: Headers, name: string): string {
  const value = headers[name];
  if (typeof value !== "string" || value === "") throw new NotSigned(`there is no ${name}`);
  return value;
}
