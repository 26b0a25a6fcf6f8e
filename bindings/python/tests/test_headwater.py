"""What the package does, on the bundled model; the numbers are those of the command line."""

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np

import headwater
from headwater import compat

FACT = "Fact: the capital of the state containing Dallas is"
TEXAS = ["0/9/94", "0/9/1862", "1/9/696", "2/-1/607", "2/-1/1040", "3/-1/1683", "4/-1/425"]


class HeadwaterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = headwater.load("atlas")
        cls.graph = cls.model.attribute(FACT)

    def test_the_graph_is_the_command_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            ours = self.graph.save(Path(folder) / "sample.json")
            theirs = Path(folder) / "theirs"
            subprocess.run(
                [os.environ["HEADWATER_LAUNCHER"], "attribute", FACT, "--slug", "sample", "--out", theirs, "--quiet"],
                check=True,
                env={**os.environ, "HEADWATER_NO_BUILD": "1"},
            )
            one, other = json.loads(ours.read_text()), json.loads((theirs / "sample.json").read_text())
            self.assertEqual(one["nodes"], other["nodes"])
            self.assertEqual(one["links"], other["links"])
            self.assertTrue((Path(folder) / "graph-metadata.json").is_file())

    def test_nodes_and_edges(self):
        graph = self.graph
        nodes, edges = graph.nodes, graph.edges
        self.assertEqual(len(nodes), 725)
        self.assertEqual((nodes.kind == "feature").sum(), 647)
        self.assertEqual(nodes.iloc[-1].text, " Austin")
        self.assertEqual(edges.shape, (725, 725))
        self.assertTrue(np.shares_memory(edges.data, graph.array("edge_weight")))
        rows = np.asarray(graph.rows(700, 25))
        np.testing.assert_array_equal(rows, edges[700:].toarray())
        self.assertAlmostEqual(graph.scores[0], 0.908, 3)
        self.assertEqual(graph.logits[0][0], " Austin")
        pruned = graph.prune()
        self.assertEqual((len(pruned.kept), len(pruned.edges)), (55, 461))
        self.assertEqual(pruned.nodes[pruned.nodes.kind == "feature"].iloc[0].label, "capital")

    def test_transcoders_are_judged(self):
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "text.txt"
            text.write_text("".join(f"{a}+{b}={a + b}\n" for a in range(10, 30) for b in range(40, 42)))
            found = self.model.evaluate(text, loss_tokens=150, layer_losses=True)
            self.assertEqual(len(found.layers), 6)
            self.assertLess(found.fvu, 0.2)
            self.assertGreater(found.losses["zero"], found.losses["replaced"])
            self.assertIn("loss.recovered", found.layers.columns)
            self.assertIsNone(self.model.evaluate([text], loss_tokens=0).losses)
            text.write_text("36+59=95\n")
            with self.assertRaisesRegex(headwater.HeadwaterError, "too short to judge"):
                self.model.evaluate(text)

    def test_views_outlive_what_they_look_at(self):
        graph = self.model.attribute("36+59=", max_features=50)
        weights = graph.array("edge_weight")
        copy = weights.copy()
        with self.assertRaises(ValueError):
            weights[0] = 1
        before = headwater.about()["open"]
        del graph
        gc.collect()
        self.assertEqual(headwater.about()["open"], before)
        self.model.attribute("36+59=", max_features=50)
        np.testing.assert_array_equal(weights, copy)
        del weights
        gc.collect()
        self.assertEqual(headwater.about()["open"], before - 1)

    def test_a_round_trip_by_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = self.graph.save(Path(folder) / "whole.safetensors")
            again = headwater.read(file)
            self.assertEqual(again.edges.nnz, (np.asarray(self.graph.edges.data) != 0).sum() + (again.edges.data == 0).sum())
            np.testing.assert_array_equal(again.rows(0, 725)[:], self.graph.rows(0, 725)[:])

    def test_intervening_and_generating(self):
        edits = [headwater.scale(place, -1) for place in TEXAS]
        run = self.model.intervene(FACT, edits)
        top = dict(run.top(3))
        self.assertAlmostEqual(top[" Salem"], 0.7472, 3)
        self.assertAlmostEqual(dict(self.model.run(FACT).top(1))[" Austin"], 0.9997, 3)
        self.assertEqual(self.model.generate(FACT, edits, max_tokens=2).text, " Salem.")
        swapped = self.model.intervene("36+59=", [headwater.swap("3:6/-1/*", "36+58=")])
        self.assertAlmostEqual(dict(swapped.top(1))["94"], 0.8795, 3)
        position, feature, activation = run.active(0)
        np.testing.assert_array_equal(run.activations(0)[position, feature], activation)
        knocked = self.model.intervene(FACT, [headwater.knock_out(f"2/{head}") for head in (0, 1, 3)])
        self.assertAlmostEqual(dict(knocked.top(1))[" Austin"], 0.9377, 3)

    def test_targets(self):
        tokens = self.model.attribute(FACT, max_features=20, tokens=[" Salem"])
        self.assertEqual(tokens.logits[0][0], " Salem")
        self.assertEqual(len(self.model.attribute(FACT, max_features=20, difference=[" Austin", " Salem"]).logits), 1)
        feature = self.model.attribute(FACT, max_features=20, features=[(2, -1, 607)])
        self.assertIn("607", feature.logits[0][0])
        directions = self.model.directions([" Austin"])
        one = self.model.attribute(FACT, max_features=20, direction=directions)
        two = self.model.attribute(FACT, max_features=20, direction=np.asarray(directions, dtype=np.float64)[0])
        np.testing.assert_array_equal(one.array("edge_weight"), two.array("edge_weight"))
        self.assertEqual(np.asarray(self.model.decoder_rows(0, [94, 1749])).shape, (2, self.model.info["width"]))

    def test_conversations(self):
        with tempfile.TemporaryDirectory() as folder:
            bundled = Path(os.environ["HEADWATER_HOME"]) / "engine/src/main/resources/dev/headwater/models/atlas"
            for file in bundled.iterdir():
                (Path(folder) / file.name).symlink_to(file)
            (Path(folder) / "chat_template.jinja").write_text(
                "{% if thinking %}is {% endif %}{% for turn in messages %}{{ turn.content }}{% if not loop.last %} {% endif %}{% endfor %}"
            )
            with headwater.load(folder, "atlas-plt") as model:
                said = headwater.Chat("capital", system="Fact: the", assistant="of", thinking=True)
                self.assertEqual(model.tokenize(said).text, "is Fact: the capital of")
                turns = [{"role": "user", "content": "Fact: the capital of the state"}]
                self.assertEqual(model.tokenize(turns).text, "Fact: the capital of the state")
                self.assertEqual(model.tokenize(headwater.Chat("containing", messages=turns)).texts[-1], " containing")
                leading = headwater.Chat(messages=turns, leading_special=True)
                self.assertEqual(len(model.tokenize(leading).tokens), len(model.tokenize(turns).tokens) + 1)
                self.assertEqual(len(model.attribute(turns, max_features=20).array("selected")), 20)
                self.assertEqual(model.run(turns).logits.shape[0], len(model.tokenize(turns).tokens))
        with self.assertRaisesRegex(headwater.HeadwaterError, "no chat template"):
            self.model.tokenize(headwater.Chat("x"))

    def test_a_contrast(self):
        with headwater.load("atlas", "neurons") as model:
            plain = model.attribute("36+59=", max_features=50)
            graph = model.attribute("36+59=", max_features=50, contrast=["36+58=", model.tokenize("31+57=").tokens])
            self.assertIn("contrast_token_ids", graph.info["settings"])
            self.assertFalse(np.array_equal(graph.array("edge_weight")[:50], plain.array("edge_weight")[:50]))
            with self.assertRaisesRegex(headwater.UsageError, "at least one"):
                model.attribute("36+59=", contrast=[])
        with self.assertRaisesRegex(headwater.UsageError, "own neurons"):
            self.model.attribute("36+59=", contrast=["36+58="])

    def test_heads(self):
        graph = self.model.attribute(FACT, max_features=60, heads=True)
        pruned = graph.prune()
        heads = pruned.heads
        self.assertEqual(heads.influence.shape[0], 6)
        best = heads.ranking.iloc[0]
        self.assertEqual(best.influence, heads.influence.max())
        self.assertTrue(set(heads.edges.target) <= {*pruned.edges.target})
        score = heads.explain(int(best.layer), int(best["head"]), -1, 9, pairs=5)
        self.assertEqual(len(score.query), len(heads.sources))
        self.assertTrue(0 < len(score.pairs) <= 5)
        self.assertAlmostEqual(score.query.sum() + score.query_rest, score.score, 3)
        self.assertAlmostEqual(score.relative.sum() + score.relative_rest, score.score - score.mean, 3)
        with tempfile.TemporaryDirectory() as folder:
            written = json.loads(graph.save(Path(folder) / "heads.json").read_text())
            self.assertGreater(len(written["attention_heads"]["edges"]), 0)
        self.assertIsNone(self.graph.prune().heads)
        found = self.graph.prune().find_heads(self.model, share=1, progress=lambda *_: None)
        self.assertGreater(len(found.edges), 0)

    def test_dlpack(self):
        tensor = self.graph.tensor("edge_weight")
        self.assertEqual(np.asarray(tensor).ctypes.data, self.graph.array("edge_weight").ctypes.data)
        before = headwater.about()["open"]
        del tensor
        capsule = self.model.attribute("36+59=", max_features=30).tensor("edge_weight").__dlpack__(max_version=(1, 0))
        gc.collect()
        self.assertIn("dltensor_versioned", repr(capsule))
        del capsule  # nobody took it
        gc.collect()
        self.assertEqual(headwater.about()["open"], before)
        np.testing.assert_array_equal(np.from_dlpack(self.graph.tensor("activations")), self.graph.array("activations"))

    def test_torch_shares_memory(self):
        try:
            import torch
        except ImportError:
            self.skipTest("there is no torch here")
        tensor = torch.from_dlpack(self.graph.tensor("edge_weight"))
        self.assertEqual(tensor.data_ptr(), self.graph.array("edge_weight").ctypes.data)

    def test_progress_and_cancelling(self):
        heard = []
        self.model.attribute("36+59=", max_features=50, progress=lambda *told: heard.append(told))
        self.assertIn("forward pass", [phase for phase, _, _ in heard])
        with self.assertRaises(headwater.Cancelled):
            self.model.attribute(FACT, progress=lambda *_: False)

        def broken(*_):
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            self.model.attribute(FACT, progress=broken)

    def test_what_is_refused(self):
        for wrong, sentence in [
            (lambda: headwater.load("/nowhere", "atlas-plt"), "/nowhere"),
            (lambda: self.model.attribute(""), "empty"),
            (lambda: self.model.attribute([1 << 40]), "32 bits"),
            (lambda: self.model.attribute([10**6]), "token 1000000"),
            (lambda: self.model.attribute(FACT, tokens=["no such token at all"]), "not one token"),
            (lambda: self.model.attribute(FACT, rank="what"), "rank"),
            (lambda: self.model.attribute(FACT, direction=np.zeros(3)), "width"),
            (lambda: self.model.intervene(FACT, [headwater.set("99/0/0", 1)]), "no layer 99"),
            (lambda: self.model.run(FACT).activations(77), "no layer 77"),
            (lambda: self.graph.prune(2, 0.5), "threshold"),
            (lambda: headwater.read("/nowhere.pt"), "/nowhere.pt"),
            (lambda: self.graph.save("/nowhere/at/all.safetensors"), "/nowhere"),
        ]:
            with self.assertRaises(headwater.HeadwaterError) as caught:
                wrong()
            self.assertIn(sentence, str(caught.exception))
        other = headwater.load("atlas", "atlas-clt")
        other.close()
        with self.assertRaises(headwater.ClosedError):
            other.attribute(FACT)

    def test_threads_share_a_model(self):
        prompts = ["36+59=", "The day after Monday is"]
        expected = {prompt: self.model.attribute(prompt, max_features=30).array("edge_weight").tobytes() for prompt in prompts}
        same = []

        def work(number):
            prompt = prompts[number % 2]
            same.append(self.model.attribute(prompt, max_features=30).array("edge_weight").tobytes() == expected[prompt])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(same, [True] * 8)

    def test_ctrl_c_is_pythons(self):
        script = f"""
import os, signal, threading, headwater
model = headwater.load("atlas")
threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    while True:
        model.attribute({FACT!r}, max_features=50)
except KeyboardInterrupt:
    print("interrupted", len(model.attribute("36+59=", max_features=10)))
"""
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
        self.assertRegex(said.stdout, "interrupted [0-9]+", said.stderr)
        self.assertEqual(said.returncode, 0, said.stderr)

    def test_a_forked_child_is_told(self):
        child = os.fork()
        if child == 0:
            try:
                self.model.run(FACT)
                os._exit(2)
            except headwater.HeadwaterError as error:
                os._exit(0 if "forked" in str(error) else 3)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_the_explorer(self):
        import urllib.request

        frame = self.graph.show()
        address = getattr(frame, "src", frame)
        with urllib.request.urlopen(address, timeout=60) as page:
            self.assertIn(b"<html", page.read(2000))


class CompatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = compat.ReplacementModel.from_pretrained("atlas", "atlas-plt")

    def test_names_and_shapes(self):
        graph = compat.attribute(FACT, self.model, max_feature_nodes=100)
        n = len(graph.selected_features) + (6 + 1) * graph.n_pos + len(graph.logit_targets)
        self.assertEqual(graph.adjacency_matrix.shape, (n, n))
        self.assertEqual(graph.active_features.shape, (647, 3))
        self.assertEqual(graph.activation_values.shape, (647,))
        self.assertEqual(graph.logit_targets[0].token_str, " Austin")
        nodes, edges, scores = compat.prune_graph(graph)
        self.assertEqual((nodes.shape, edges.shape, scores.shape), ((n,), (n, n), (n,)))
        self.assertAlmostEqual(scores.max(), 1)
        self.assertEqual(len(compat.compute_graph_scores(graph)), 2)
        with tempfile.TemporaryDirectory() as folder:
            compat.create_graph_files(graph, "sample", folder)
            self.assertTrue((Path(folder) / "sample.json").is_file())
            graph.to_pt(str(Path(folder) / "sample.safetensors"))
            again = compat.Graph.from_pt(str(Path(folder) / "sample.safetensors"))
            np.testing.assert_array_equal(again.adjacency_matrix, graph.adjacency_matrix)

    def test_interventions(self):
        logits, activations = self.model.feature_intervention(FACT, [(2, -1, 607, 0.0), (0, slice(8, 10), 94, 0)])
        self.assertEqual((logits.ndim, logits.shape[0], activations.shape[0]), (3, 1, 6))
        plain, _ = self.model.get_activations(FACT)
        self.assertEqual(plain.shape, logits.shape)
        self.assertFalse(np.array_equal(plain, logits))
        text, _, _ = self.model.feature_intervention_generate(FACT, [(2, slice(0, None), 607, 0.0)], do_sample=False, max_new_tokens=2)
        self.assertTrue(text.startswith(FACT + " Austin"), text)


if __name__ == "__main__":
    unittest.main()
