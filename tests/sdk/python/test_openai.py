"""The official openai package, unmodified, against a running Millwright. run.sh says which variables it reads."""

import json
import os
import unittest

import openai
from pydantic import BaseModel

BASE = os.environ["SDK_BASE_URL"]
MODEL = os.environ["SDK_MODEL"]
EMBEDDING_MODEL = os.environ.get("SDK_EMBEDDING_MODEL", "all-minilm-l6-v2")
# What a model of random weights says is noise: then only forms are checked.
NOISE = os.environ.get("SDK_NOISE") == "1"

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "stock_of",
            "description": "Pieces of a material in a plant",
            "parameters": {
                "type": "object",
                "properties": {"plant": {"type": "string"}, "minimum": {"type": "integer"}},
                "required": ["plant", "minimum"],
                "additionalProperties": False,
            },
        },
    }
]


class Order(BaseModel):
    number: str
    open_items: int
    released: bool


def client(key="SDK_KEY", **more):
    more.setdefault("max_retries", 0)
    return openai.OpenAI(base_url=BASE, api_key=os.environ[key], timeout=30, **more)


def say(text):
    return [{"role": "user", "content": text}]


class Chat(unittest.TestCase):
    def test_an_answer_at_once(self):
        answer = client().chat.completions.create(model=MODEL, messages=say("Is order 17 released?"), max_tokens=64)
        self.assertEqual(answer.object, "chat.completion")
        choice = answer.choices[0]
        self.assertEqual((choice.index, choice.message.role), (0, "assistant"))
        self.assertIn(choice.finish_reason, ("stop", "length"))
        self.assertTrue(choice.message.content)
        usage = answer.usage
        self.assertGreater(usage.prompt_tokens, 0)
        self.assertGreater(usage.completion_tokens, 0)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)

    def test_an_answer_in_pieces_is_the_same_answer(self):
        messages = say("Is order 18 released?")
        whole = client().chat.completions.create(model=MODEL, messages=messages, temperature=0, seed=7, max_tokens=24)
        stream = client().chat.completions.create(
            model=MODEL, messages=messages, temperature=0, seed=7, max_tokens=24, stream=True, stream_options={"include_usage": True}
        )
        text, reasons, usage, ids = "", [], None, set()
        for chunk in stream:
            ids.add(chunk.id)
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reasons.append(choice.finish_reason)
        self.assertEqual(len(ids), 1)
        self.assertEqual(len([reason for reason in reasons if reason]), 1)
        self.assertGreater(usage.completion_tokens, 0)
        self.assertEqual(text, whole.choices[0].message.content)

    def test_the_accumulating_stream(self):
        with client().chat.completions.stream(model=MODEL, messages=say("Is order 19 released?"), max_tokens=24) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
        self.assertIn("content.delta", kinds)
        self.assertTrue(final.choices[0].message.content)

    def test_a_limit_ends_the_answer(self):
        answer = client().chat.completions.create(model=MODEL, messages=say("Tell me all."), max_completion_tokens=3)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertLessEqual(answer.usage.completion_tokens, 3)

    def test_a_conversation_goes_on_with_what_was_answered(self):
        messages = say("Is order 20 released?")
        first = client().chat.completions.create(model=MODEL, messages=messages, max_tokens=24)
        messages.append(first.choices[0].message)
        messages += say("And order 21?")
        second = client().chat.completions.create(model=MODEL, messages=messages, max_tokens=24)
        self.assertGreater(second.usage.prompt_tokens, first.usage.prompt_tokens)

    def test_log_probabilities_pass_through(self):
        answer = client().chat.completions.create(
            model=MODEL, messages=say("Is order 22 released?"), logprobs=True, top_logprobs=1, max_tokens=8
        )
        tokens = answer.choices[0].logprobs.content
        self.assertTrue(all(token.logprob <= 0 for token in tokens))
        self.assertEqual("".join(token.token for token in tokens), answer.choices[0].message.content)

    def test_what_millwright_says_beside_the_answer(self):
        raw = client().chat.completions.with_raw_response.create(model=MODEL, messages=say("Is order 23 released?"), max_tokens=8)
        self.assertIn(MODEL, raw.headers["x-millwright-route"])
        self.assertGreaterEqual(int(raw.headers["x-millwright-overhead-us"]), 0)
        self.assertTrue(raw.parse().choices[0].message.content)

    def test_models_of_a_tier(self):
        answer = client().chat.completions.create(model="millwright-auto", messages=say("Is order 24 released?"), max_tokens=8)
        self.assertTrue(answer.choices[0].message.content)


class ToolsAndForms(unittest.TestCase):
    def test_a_tool_is_called_and_its_result_is_answered(self):
        messages = say("How much of 4711 is in Hamburg?")
        forced = {"type": "function", "function": {"name": "stock_of"}}
        first = client().chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, tool_choice=forced, max_tokens=200)
        call = first.choices[0].message.tool_calls[0]
        self.assertEqual((call.type, call.function.name), ("function", "stock_of"))
        self.assertEqual(set(json.loads(call.function.arguments)), {"plant", "minimum"})
        if not NOISE:
            self.assertEqual(first.choices[0].finish_reason, "tool_calls")
        messages.append(first.choices[0].message)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "12 pieces"})
        second = client().chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, tool_choice="none", max_tokens=24)
        self.assertTrue(second.choices[0].message.content)

    def test_a_tool_is_called_in_pieces(self):
        forced = {"type": "function", "function": {"name": "stock_of"}}
        stream = client().chat.completions.create(
            model=MODEL, messages=say("Stock in Bremen?"), tools=TOOLS, tool_choice=forced, stream=True, max_tokens=200
        )
        name, arguments, reason = "", "", None
        for chunk in stream:
            for choice in chunk.choices:
                reason = choice.finish_reason or reason
                for call in choice.delta.tool_calls or []:
                    self.assertEqual(call.index, 0)
                    name += call.function.name or ""
                    arguments += call.function.arguments or ""
        self.assertEqual(name, "stock_of")
        self.assertEqual(set(json.loads(arguments)), {"plant", "minimum"})
        if not NOISE:
            self.assertEqual(reason, "tool_calls")

    def test_an_answer_in_the_form_of_a_schema(self):
        answer = client().chat.completions.parse(
            model=MODEL, messages=say("Order 25?"), response_format=Order, max_tokens=400
        )
        self.assertIsInstance(answer.choices[0].message.parsed, Order)

    def test_an_answer_as_json(self):
        answer = client().chat.completions.create(
            model=MODEL, messages=say("Order 26 as JSON?"), response_format={"type": "json_object"}, max_tokens=400
        )
        if not NOISE:
            self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)


class Embeddings(unittest.TestCase):
    def test_vectors_in_either_form_are_the_same(self):
        for model in {EMBEDDING_MODEL, "all-minilm-l6-v2"}:
            packed = client().embeddings.create(model=model, input=["pump", "valve"])
            plain = client().embeddings.create(model=model, input=["pump", "valve"], encoding_format="float")
            self.assertEqual([item.index for item in packed.data], [0, 1])
            self.assertGreater(packed.usage.prompt_tokens, 0)
            for one, other in zip(packed.data, plain.data):
                self.assertEqual(len(one.embedding), 384)
                self.assertTrue(all(abs(a - b) < 1e-6 for a, b in zip(one.embedding, other.embedding)))

    def test_the_built_in_model_knows_what_is_alike(self):
        texts = ["The pump leaks at its seal.", "The seal of the pump is not tight.", "Invoices are paid in May."]
        vectors = [item.embedding for item in client().embeddings.create(model="all-minilm-l6-v2", input=texts).data]
        like = lambda a, b: sum(x * y for x, y in zip(a, b))
        self.assertGreater(like(vectors[0], vectors[1]), like(vectors[0], vectors[2]) + 0.2)


class Models(unittest.TestCase):
    def test_the_list_names_what_may_be_used(self):
        names = {model.id for model in client().models.list()}
        self.assertTrue({MODEL, "millwright-agent", "all-minilm-l6-v2"} <= names, names)


class Agent(unittest.TestCase):
    """`millwright-agent` answers from documents and says where it found what it says."""

    def test_an_answer_with_its_sources(self):
        answer = client().chat.completions.create(model="millwright-agent", messages=say(os.environ["SDK_QUESTION"]))
        self.assertIn(os.environ["SDK_ANSWER"], answer.choices[0].message.content)
        self.assertTrue(answer.millwright["answered"])
        self.assertTrue(answer.millwright["citations"])

    def test_the_same_in_pieces(self):
        stream = client().chat.completions.create(
            model="millwright-agent", messages=say(os.environ["SDK_QUESTION"]), stream=True
        )
        text, told = "", None
        for chunk in stream:
            told = getattr(chunk, "millwright", None) or told
            for choice in chunk.choices:
                text += choice.delta.content or ""
        self.assertIn(os.environ["SDK_ANSWER"], text)
        self.assertTrue(told["citations"])

    def test_a_conversation_before_the_question(self):
        messages = say("Hello") + [{"role": "assistant", "content": "Good morning."}] + say(os.environ["SDK_QUESTION"])
        answer = client().chat.completions.create(model="millwright-agent", messages=messages)
        self.assertIn(os.environ["SDK_ANSWER"], answer.choices[0].message.content)


class Refusals(unittest.TestCase):
    def refused(self, kind, call):
        with self.assertRaises(kind) as caught:
            call()
        error = caught.exception
        self.assertTrue(error.body["message"], error.body)
        self.assertTrue(error.code, error.body)
        self.assertTrue(error.request_id)
        return error

    def create(self, key="SDK_KEY", **parameters):
        parameters = {"model": MODEL, "messages": say("Is order 27 released?"), **parameters}
        return lambda: client(key).chat.completions.create(**parameters)

    def test_parameters_that_nobody_reads(self):
        for name, value in [
            ("n", 2),
            ("logit_bias", {"50256": -100}),
            ("functions", [{"name": "old", "parameters": {}}]),
            ("modalities", ["text", "audio"]),
            ("prediction", {"type": "content", "content": "x"}),
            ("web_search_options", {}),
            ("store", True),
        ]:
            error = self.refused(openai.BadRequestError, self.create(**{name: value}))
            self.assertIn(name, str(error), f"the refusal of {name} does not name it")

    def test_values_out_of_range(self):
        error = self.refused(openai.BadRequestError, self.create(temperature=9))
        self.assertEqual((error.param, error.type), ("temperature", "invalid_request_error"))

    def test_a_wrong_key(self):
        wrong = openai.OpenAI(base_url=BASE, api_key="mwk_0123456789abcdef", max_retries=0)
        self.refused(openai.AuthenticationError, lambda: wrong.models.list())

    def test_a_model_that_is_not_there(self):
        error = self.refused(openai.NotFoundError, self.create(model="gpt-99"))
        self.assertIn("gpt-99", str(error))

    def test_a_budget_that_is_used_up(self):
        error = self.refused(openai.RateLimitError, self.create(key="SDK_POOR_KEY"))
        self.assertEqual((error.code, error.type), ("budget_exceeded", "insufficient_quota"))
        self.assertIn(os.environ["SDK_BUDGET"], str(error), "the refusal names the budget")
        # A client with its usual retries must not try again: there is nothing to be had before the budget resets.
        sent = []
        http = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
        poor = openai.OpenAI(base_url=BASE, api_key=os.environ["SDK_POOR_KEY"], max_retries=3, http_client=http)
        with self.assertRaises(openai.RateLimitError):
            poor.chat.completions.create(model=MODEL, messages=say("Is order 28 released?"))
        self.assertEqual(len(sent), 1)

    def test_a_stream_is_refused_like_an_answer(self):
        self.refused(openai.NotFoundError, self.create(model="gpt-99", stream=True))


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_a_stream(self):
        async with openai.AsyncOpenAI(base_url=BASE, api_key=os.environ["SDK_KEY"], timeout=30) as slow:
            stream = await slow.chat.completions.create(model=MODEL, messages=say("Is order 29 released?"), stream=True, max_tokens=24)
            text = ""
            async for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
        self.assertTrue(text)


if __name__ == "__main__":
    unittest.main()
