"""Hands a scene to Mitsuba 3. The only module, with `render`, that knows Mitsuba."""

import logging
import math
from functools import cache
from typing import Any

import numpy as np

from synthetic.assemble import Solid
from synthetic.meshes import Mesh
from synthetic.scene import RGB, Camera, Material, Sun
from synthetic.textures import draw_texture

log = logging.getLogger(__name__)

VARIANTS = ("llvm_ad_rgb", "scalar_rgb")


@cache
def load_mitsuba() -> Any:  # noqa: ANN401  (Mitsuba ships no types)
    """Import Mitsuba with the fastest variant that works here.

    Returns
    -------
    module
        `mitsuba`, its variant set.

    Raises
    ------
    ImportError
        If Mitsuba is not installed.
    """
    import mitsuba as mi

    for variant in VARIANTS:
        try:
            mi.set_variant(variant)
            mi.Float(1.0) + mi.Float(1.0)
            mi.load_dict({"type": "sphere"})
        except (ImportError, RuntimeError) as error:
            log.warning("mitsuba %s does not work here (%s); is libLLVM installed?", variant, error)
        else:
            log.info("mitsuba %s, variant %s", mi.__version__, variant)
            return mi
    raise ImportError(f"none of Mitsuba's variants {VARIANTS} works on this machine")


def linear_rgb(color: RGB) -> list[float]:
    """Decode sRGB 0..1 to linear light (IEC 61966-2-1)."""
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]


def build_meshes(solids: list[Solid], window_light: RGB | None) -> dict[str, Any]:
    """Make a Mitsuba shape of each solid, by the name `i<instance>_<number>`.

    Without `window_light` the windows are left open, so that the sun comes in.
    """
    mi = load_mitsuba()
    bsdfs: dict[Material, Any] = {}
    shapes = {}
    for number, solid in enumerate(solids):
        material = solid.material
        if material.finish == "sky" and window_light is None:
            continue
        if material not in bsdfs:
            bsdfs[material] = mi.load_dict(_bsdf(material))
        properties = mi.Properties()
        properties["bsdf"] = bsdfs[material]
        radiance = _radiance(material, window_light)
        if radiance is not None:
            emitter = {"type": "area", "radiance": {"type": "rgb", "value": radiance}}
            properties["emitter"] = mi.load_dict(emitter)
        name = f"i{solid.instance}_{number}"
        shapes[name] = _mesh(name, solid.mesh, material, properties)
    return shapes


def _radiance(material: Material, window_light: RGB | None) -> list[float] | None:
    if material.finish == "sky" and window_light is not None:
        return list(window_light)
    return None


def _mesh(name: str, mesh: Mesh, material: Material, properties: Any) -> Any:  # noqa: ANN401
    mi = load_mitsuba()
    shape = mi.Mesh(
        name,
        len(mesh.vertices),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    scale = material.pattern.size_m if material.pattern is not None else (1.0, 1.0)
    # Mitsuba's pictures start at the top.
    uvs = mesh.uvs / np.array(scale) * (1, -1) + (0, 1)
    data = mi.traverse(shape)
    data["vertex_positions"] = np.ascontiguousarray(mesh.vertices, np.float32).ravel()
    data["vertex_normals"] = np.ascontiguousarray(mesh.normals, np.float32).ravel()
    data["vertex_texcoords"] = np.ascontiguousarray(uvs, np.float32).ravel()
    data["faces"] = np.ascontiguousarray(mesh.faces, np.uint32).ravel()
    data.update()
    return shape


def _bsdf(material: Material) -> dict[str, Any]:
    if material.finish == "sky":
        return {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.0}}
    if material.finish == "glass":
        return {"type": "thindielectric"}
    if material.finish == "mirror":
        return {"type": "twosided", "b": {"type": "conductor", "material": "Ag"}}
    color, relief = _color(material)
    if material.finish == "thin":
        return {
            "type": "principledthin",
            "base_color": color,
            "roughness": 0.9,
            "diff_trans": 2 * material.translucency,
        }
    plain: dict[str, Any] = {
        "type": "principled",
        "base_color": color,
        "roughness": material.roughness,
        "metallic": material.metallic,
        "specular": 0.5,
    }
    if material.roughness >= 0.95:
        plain = {"type": "diffuse", "reflectance": color}
    if relief is not None:
        plain = {"type": "bumpmap", "height": relief, "scale": 1.0, "nested": plain}
    return {"type": "twosided", "b": plain}


def _color(material: Material) -> tuple[dict[str, Any], dict[str, Any] | None]:
    mi = load_mitsuba()
    if material.image is not None:
        return {"type": "bitmap", "filename": str(material.image)}, None
    if material.pattern is None:
        return {"type": "rgb", "value": linear_rgb(material.color)}, None
    pixels = 3072 if max(material.pattern.size_m) > 2 else 1024
    texture = draw_texture(material.pattern, pixels)
    color = {"type": "bitmap", "bitmap": mi.Bitmap(texture.color), "raw": False}
    if texture.relief is None:
        return color, None
    relief = {"type": "bitmap", "bitmap": mi.Bitmap(texture.relief[..., None]), "raw": True}
    return color, relief


def sensor(camera: Camera, width: int, height: int) -> dict[str, Any]:
    """Describe the camera to Mitsuba; the film keeps alpha, 0 where the sky was hit."""
    mi = load_mitsuba()
    yaw = math.radians(camera.yaw_deg)
    ahead = (math.sin(yaw), 0.0, math.cos(yaw))
    target = [p + a for p, a in zip(camera.position, ahead, strict=True)]
    return {
        "type": "perspective",
        "fov": camera.hfov_deg,
        "fov_axis": "x",
        "near_clip": 0.01,
        "far_clip": 1000.0,
        "principal_point_offset_y": -camera.rise,
        "to_world": mi.ScalarTransform4f().look_at(list(camera.position), target, [0, 1, 0]),
        "film": {
            "type": "hdrfilm",
            "width": width,
            "height": height,
            "pixel_format": "rgba",
            "rfilter": {"type": "box"},
        },
        "sampler": {"type": "multijitter"},
    }


def _towards_sun(sun: Sun) -> tuple[float, float, float]:
    azimuth, elevation = math.radians(sun.azimuth_deg), math.radians(sun.elevation_deg)
    flat = math.cos(elevation)
    return math.sin(azimuth) * flat, math.sin(elevation), math.cos(azimuth) * flat


def sunlight(sun: Sun) -> dict[str, Any]:
    """Parallel light from where the sun stands, a little warm."""
    return {
        "type": "directional",
        "direction": [-c for c in _towards_sun(sun)],
        "irradiance": {"type": "rgb", "value": [sun.strength * c for c in (1.0, 0.9, 0.76)]},
    }


def daylight(sun: Sun) -> dict[str, Any]:
    """Return a clear sky with its sun (Hosek, Wilkie 2012)."""
    mi = load_mitsuba()
    return {
        "type": "sunsky",
        "sun_direction": list(_towards_sun(sun)),
        "turbidity": 3.5,
        "sun_scale": 1.0,
        "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], -90),
    }
