"""Writes an 11 MB GGUF of the llama architecture with random weights: what it says is noise, but tokenising,
streaming, counting and stopping are those of a real model. Usage: make_model.py OUT.gguf"""

import sys

import gguf
import numpy

WIDTH, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 256, 4, 8, 512, 4096
SPECIAL = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)]
WORDS = ["▁", "▁the", "▁pump", "▁bearing", "▁oil", "▁grease", "▁every", "▁hours", "▁valve", "▁seal", "▁and", "▁of", ".", ","]
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def vocabulary():
    tokens = list(SPECIAL) + [(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)]
    letters = [chr(c) for c in (*range(97, 123), *range(65, 91), *range(48, 58))]
    words = WORDS + letters
    scores = [0.0] * len(tokens) + [-float(at + 1) for at in range(len(words))]
    tokens += [(word, gguf.TokenType.NORMAL) for word in words]
    return [text for text, _ in tokens], [kind for _, kind in tokens], scores


def main(path):
    random = numpy.random.default_rng(0)
    tokens, kinds, scores = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    # One vector for a text, where it is asked for vectors: without this the server gives one for each token.
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)

    def weights(*shape):
        return (random.standard_normal(shape) * 0.05).astype(numpy.float32)

    output = weights(len(tokens), WIDTH) * 4
    # Single bytes and the end are rare, so that answers are letters and long enough to be streamed.
    output[: len(SPECIAL) + 256] *= 0.02
    writer.add_tensor("token_embd.weight", weights(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    writer.add_tensor("output.weight", output.astype(numpy.float32))
    for layer in range(LAYERS):
        shapes = {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (WIDTH, WIDTH),
            "attn_v": (WIDTH, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (FEED_FORWARD, WIDTH),
            "ffn_up": (FEED_FORWARD, WIDTH),
            "ffn_down": (WIDTH, FEED_FORWARD),
        }
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(*shape))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
