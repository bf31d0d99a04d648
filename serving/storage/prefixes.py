"""The top folders of the object storage: every key begins with one of them.

What jobs make lies below the folder of their kind (`serving.jobs.kinds`), one folder a job.
"""

MODELS = "models"  # ONNX files and cards of published models, by their SHA-256
UPLOADS = "uploads"  # what clients sent: `uploads/{id}`, or by SHA-256 for a body that a job reads
UPLOAD_PARTS = "upload-parts"  # parts of uploads that are not complete
STAGES = "stages"  # outputs of a workflow's stages, by the SHA-256 of their inputs
CLIPS = "clips"  # rendered segments of films, by what they show
PREDICTIONS = "predictions"  # large maps and pictures of answers, by their SHA-256
AUDIO = "audio"  # analyses of tracks, by the SHA-256 of the track
FILMS = "films"  # films and clips with their posters and previews, by job
ANALYSES = "analyses"  # maps of photos that were analysed, by job
ENHANCED = "enhanced"  # better files of photos with their small versions, by job
STAGED = "staged"  # staged photos with their masks and manifests, by job
BATCHES = "batches"  # what a day's batch asks for, written by whoever wants it
VALIDATED = "validated"  # verdicts on tables of training data
KEPT = "kept"  # small pictures of photos, for people who compare versions
KITS = "kits"  # meshes and pictures of design kits, by their SHA-256
