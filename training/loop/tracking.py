"""Training curves into an MLflow run that somebody else has opened."""

from lightning.pytorch.loggers import MLFlowLogger


def curves_logger(tracking_uri: str, run_id: str) -> MLFlowLogger:
    """Return Lightning's logger for the run; training itself never opens or closes runs."""
    return MLFlowLogger(tracking_uri=tracking_uri, run_id=run_id, log_model=False)
