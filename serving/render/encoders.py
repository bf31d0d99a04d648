"""Which encoder a film is encoded with here, and how it is set."""

from serving.render.gpu import find_gpu_encoding
from serving.render.profiles import KEY_INTERVAL, Codec, Encoding

# Without threads; parameter sets in the header alone, as hvc1 asks; x265's signature nowhere
_X265 = "pools=none:frame-threads=1:open-gop=0:scenecut=0:repeat-headers=0:info=0:log-level=error"
# Its least: threads that pass pictures on, as many on any machine, and the same bytes
_SVT = "lp=1:scd=0"


def choose_encoding(crf: int = 20, hardware: bool = False, codec: Codec = "h264") -> Encoding:
    """Return how to encode here: by the GPU if asked and there is one that can, else by the CPU.

    Parameters
    ----------
    crf : quality on x264's scale, 1..51, less is better; other codecs are set to look as good
    """
    return (find_gpu_encoding(crf, codec) if hardware else None) or _on_cpu(crf, codec)


def _on_cpu(crf: int, codec: Codec) -> Encoding:
    """Return x264 and its peers, at a CRF of their own that gives the SSIM of x264's.

    The offsets and slopes are fitted to the show of `benchmarks/film_codecs.py` at 17, 20, 23, 26.
    """
    if codec == "hevc":
        own = min(max(round(20 + 1.3 * (crf - 20)), 0), 51)
        options = {"preset": "superfast", "crf": str(own), "profile": "main", "x265-params": _X265}
        return Encoding("libx265", (*options.items(), KEY_INTERVAL))
    if codec == "av1":
        own = min(max(33 + 3 * (crf - 20), 1), 63)
        options = {"preset": "9", "crf": str(own), "svtav1-params": _SVT}
        return Encoding("libsvtav1", (*options.items(), KEY_INTERVAL))
    default = Encoding()
    return Encoding(
        default.encoder, tuple((k, str(crf) if k == "crf" else v) for k, v in default.options)
    )
