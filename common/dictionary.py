"""Jieba's dictionary of Mandarin words: loaded from its package, once a process.

Jieba would leave a cache of it in the folder for temporary files, which all users of the machine
share, and take up what another user has put there.
"""

from __future__ import annotations

import logging

import jieba


def load_dictionary() -> None:
    """Have `jieba.dt` ready; a second the first time."""
    jieba.setLogLevel(logging.WARNING)
    if not jieba.dt.initialized:
        jieba.dt.FREQ, jieba.dt.total = jieba.dt.gen_pfdict(jieba.dt.get_dict_file())
        jieba.dt.initialized = True
