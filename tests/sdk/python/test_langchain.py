"""langchain-openai, unmodified, against a running Millwright."""

import os
import unittest

import openai
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

BASE = os.environ["SDK_BASE_URL"]
KEY = os.environ["SDK_KEY"]
MODEL = os.environ["SDK_MODEL"]


class Order(BaseModel):
    """A purchase order."""

    number: str
    open_items: int


@tool
def stock_of(plant: str, minimum: int) -> str:
    """Pieces of a material in a plant."""
    return f"12 in {plant}"


def model(**more):
    return ChatOpenAI(base_url=BASE, api_key=KEY, model=MODEL, timeout=30, max_retries=0, **more)


class Langchain(unittest.TestCase):
    def test_an_answer(self):
        answer = model(temperature=0, seed=7, max_tokens=24).invoke(
            [SystemMessage("Be brief."), HumanMessage("Is order 31 released?")]
        )
        self.assertTrue(answer.content)
        self.assertGreater(answer.usage_metadata["total_tokens"], 0)
        self.assertIn(answer.response_metadata["finish_reason"], ("stop", "length"))

    def test_a_stream_with_usage(self):
        pieces = list(model(max_tokens=24, stream_usage=True).stream("Is order 32 released?"))
        whole = pieces[0]
        for piece in pieces[1:]:
            whole += piece
        self.assertTrue(whole.content)
        self.assertGreater(whole.usage_metadata["output_tokens"], 0)

    def test_a_chain_of_tool_calls(self):
        bound = model(max_tokens=200).bind_tools([stock_of], tool_choice="stock_of")
        question = HumanMessage("How much is in Hamburg?")
        asked = bound.invoke([question])
        call = asked.tool_calls[0]
        self.assertEqual(call["name"], "stock_of")
        result = ToolMessage(stock_of.invoke(call["args"]), tool_call_id=call["id"])
        self.assertTrue(model(max_tokens=24).invoke([question, asked, result]).content)

    def test_an_answer_in_the_form_of_a_schema(self):
        self.assertIsInstance(model(max_tokens=400).with_structured_output(Order, method="json_schema").invoke("Order 33?"), Order)

    def test_many_at_once(self):
        answers = model(max_tokens=8).batch([f"Is order {number} released?" for number in range(40, 48)])
        self.assertEqual(len([answer for answer in answers if answer.content]), 8)

    def test_vectors(self):
        # It would count tokens with a table from the network; this server counts for itself.
        embeddings = OpenAIEmbeddings(base_url=BASE, api_key=KEY, model="all-minilm-l6-v2", check_embedding_ctx_length=False)
        vectors = embeddings.embed_documents(["pump", "valve"])
        self.assertEqual([len(vector) for vector in vectors], [384, 384])
        self.assertEqual(len(embeddings.embed_query("pump")), 384)

    def test_refusals_keep_their_class(self):
        with self.assertRaises(openai.NotFoundError):
            ChatOpenAI(base_url=BASE, api_key=KEY, model="gpt-99", max_retries=0).invoke("x")
        poor = ChatOpenAI(base_url=BASE, api_key=os.environ["SDK_POOR_KEY"], model=MODEL, max_retries=0)
        with self.assertRaises(openai.RateLimitError):
            poor.invoke("Is order 34 released?")


if __name__ == "__main__":
    unittest.main()
