# Written by tools/generate.py from the docstrings. Do not edit.

from isthmus.artifacts import inspect, load, save
from isthmus.codes import align, nearest, topic_weights, topic_words
from isthmus.compression import compress, decompress
from isthmus.data.forms import Audio, Counts, Images, Series, Text
from isthmus.data.kinds import Columns
from isthmus.data.streams import stream
from isthmus.estimator import Autoencoder
from isthmus.model import AutoencoderModule, Recipe
from isthmus.presets.contractive import contractive
from isthmus.presets.denoising import denoising
from isthmus.presets.importance_weighted import importance_weighted
from isthmus.presets.k_sparse import k_sparse
from isthmus.presets.linear import linear
from isthmus.presets.masked import masked
from isthmus.presets.overcomplete import overcomplete
from isthmus.presets.sparse_kl import sparse_kl
from isthmus.presets.sparse_l1 import sparse_l1
from isthmus.presets.topics import topics
from isthmus.presets.undercomplete import undercomplete
from isthmus.presets.variational import variational
from isthmus.presets.vector_quantized import vector_quantized
from isthmus.presets.wasserstein import wasserstein
from isthmus.presets.winner_take_all import winner_take_all
from isthmus.refinement import refine
from isthmus.tasks.anomaly_detector import AnomalyDetector
from isthmus.tasks.denoiser import Denoiser
from isthmus.tasks.imputer import Imputer
from isthmus.tasks.pretrained_classifier import PretrainedClassifier
from isthmus.tasks.pretrained_regressor import PretrainedRegressor
from isthmus.tasks.recommender import Recommender
from isthmus.tasks.sampler import Sampler
from isthmus.training import Training
from isthmus.tuning import compare, tune

__all__ = [
    "AnomalyDetector",
    "Audio",
    "Autoencoder",
    "AutoencoderModule",
    "Columns",
    "Counts",
    "Denoiser",
    "Images",
    "Imputer",
    "PretrainedClassifier",
    "PretrainedRegressor",
    "Recipe",
    "Recommender",
    "Sampler",
    "Series",
    "Text",
    "Training",
    "align",
    "compare",
    "compress",
    "contractive",
    "decompress",
    "denoising",
    "importance_weighted",
    "inspect",
    "k_sparse",
    "linear",
    "load",
    "masked",
    "nearest",
    "overcomplete",
    "refine",
    "save",
    "sparse_kl",
    "sparse_l1",
    "stream",
    "topic_weights",
    "topic_words",
    "topics",
    "tune",
    "undercomplete",
    "variational",
    "vector_quantized",
    "wasserstein",
    "winner_take_all",
]
