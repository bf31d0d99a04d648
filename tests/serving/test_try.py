import numpy as np
from sqlalchemy import Engine
from serving.models.local import LocalModels
from serving.models.rooms import LocalRooms
from serving.models.slots import read_slots
from serving.image import decode
from tests.fakes import *


def test_it(engine, storage, published, settings, bucket):
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    rooms = LocalRooms(models)
    r = rooms.classify([decode(jpeg(c), 10**6) for c in (RED, GREEN, BLUE)])
    assert [x.answer.room_type for x in r] == ["red", "green", "blue"]
    print(r[0])

def test_b(engine, published): pass
def test_c(engine, published): pass
def test_r(registry_settings):
    from registry.client import open_client, open_experiment
    from registry.versions import register, tag_verdict
    from registry.gates import Verdict
    from registry.publish import Publisher
    from serving.db.engine import open_engine
    from serving.storage.objects import open_storage
    from registry.promote import promote
    c = open_client(registry_settings)
    e = open_experiment(c, registry_settings)
    run = c.create_run(e)
    v = register(c, run.info.run_id, colour_model(), colour_card())
    tag_verdict(c, "room-classifier", v, Verdict(passed=True))
    promote(c, "room-classifier", v)
    eng = open_engine(registry_settings)
    print(Publisher(c, eng, open_storage(registry_settings.storage())).publish())
def test_r2(registry_settings):
    from registry.client import open_client, open_experiment
    c = open_client(registry_settings)
    assert not list(c.search_registered_models())
