"""Times single queries with bm25s. Input: a JSON file with texts, queries and the number of hits.

Output: seconds of each query, with and without cutting the query into words.
"""

import json
import sys
import time

import bm25s
import Stemmer

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
stemmer = Stemmer.Stemmer("english")


def words(texts):
    return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)


index = bm25s.BM25()
index.index(words(given["texts"]), show_progress=False)
retrieve, whole = [], []
for number, query in enumerate(given["queries"][:20] + given["queries"]):
    begin = time.perf_counter()
    cut = words([query])
    middle = time.perf_counter()
    index.retrieve(cut, k=given["hits"], show_progress=False)
    end = time.perf_counter()
    if number >= 20:  # the first ones only warm up
        retrieve.append(end - middle)
        whole.append(end - begin)
json.dump({"retrieve": retrieve, "whole": whole}, sys.stdout)
