use std::{fs, path::Path, sync::Arc};

use rten::{Model, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

use crate::error::{Cause, RetrievalError};

/// What MiniLM was trained to read, specials included. Its position table has 512 rows, but
/// beyond 256 the vectors lose their meaning.
pub(super) const MAX_TOKENS: usize = 256;

/// A query longer than this is cut before it is tokenised: 256 tokens of any language fit, and
/// a megabyte of query text must not hold the tokeniser.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The model and its tokeniser. Immutable: threads share it.
pub(super) struct Engine {
    model: Model,
    tokenizer: Tokenizer,
    /// `input_ids`, `attention_mask`, `token_type_ids`.
    inputs: [NodeId; 3],
    output: NodeId,
    pub(super) digest: String,
}

impl Engine {
    /// Reads `model.onnx` and `tokenizer.json` from `folder`.
    pub(super) fn load(folder: &Path) -> Result<Self, RetrievalError> {
        Self::read(folder).map_err(|source| RetrievalError::ModelLoad { folder: folder.to_owned(), source })
    }

    fn read(folder: &Path) -> Result<Self, Cause> {
        let model_bytes = fs::read(folder.join("model.onnx"))?;
        let tokenizer_bytes = fs::read(folder.join("tokenizer.json"))?;
        // Both decide what a vector means, so both are in the digest.
        let digest = hex::encode(Sha256::new().chain_update(&model_bytes).chain_update(&tokenizer_bytes).finalize());
        let mut tokenizer = Tokenizer::from_bytes(&tokenizer_bytes)?;
        // The file's own settings cut at 128 tokens and pad; both are done here instead.
        tokenizer.with_truncation(None)?;
        tokenizer.with_padding(None);
        let model = Model::load(model_bytes)?;
        let inputs = [model.node_id("input_ids")?, model.node_id("attention_mask")?, model.node_id("token_type_ids")?];
        let output = *model.output_ids().first().ok_or("the model has no output")?;
        Ok(Self { model, tokenizer, inputs, output, digest })
    }

    /// All token ids of `text`, specials included, uncut.
    pub(super) fn tokens(&self, text: &str) -> Result<Vec<i32>, RetrievalError> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(RetrievalError::Inference)?;
        Ok(encoding.get_ids().iter().map(|id| *id as i32).collect())
    }

    /// Whether a word in lower case is a token of its own.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.tokenizer.token_to_id(word).is_some()
    }

    /// The token ids that the model reads: the first 255 and the closing special.
    pub(super) fn model_tokens(&self, text: &str) -> Result<Vec<i32>, RetrievalError> {
        let mut ids = self.tokens(text)?;
        if let Some(last) = ids.last().copied()
            && ids.len() > MAX_TOKENS
        {
            ids.truncate(MAX_TOKENS - 1);
            ids.push(last);
        }
        Ok(ids)
    }

    /// As [`Self::model_tokens`], for text of any size from outside.
    pub(super) fn query_tokens(&self, text: &str) -> Result<Vec<i32>, RetrievalError> {
        let end = (0..=MAX_QUERY_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.model_tokens(&text[..end])
    }

    /// One vector of length one for each of `batch`. Cost grows with the longest, so callers
    /// put texts of like length together.
    pub(super) fn infer(&self, batch: &[&[i32]], pool: &Arc<ThreadPool>) -> Result<Vec<Vec<f32>>, RetrievalError> {
        let run = || self.run(batch, pool);
        // A panic inside the inference library must cost this batch, not the thread and with
        // it every later search.
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(result) => result.map_err(RetrievalError::Inference),
            Err(_) => Err(RetrievalError::Inference("the inference library panicked".into())),
        }
    }

    fn run(&self, batch: &[&[i32]], pool: &Arc<ThreadPool>) -> Result<Vec<Vec<f32>>, Cause> {
        let width = batch.iter().map(|ids| ids.len()).max().unwrap_or(0);
        if width == 0 {
            return Err("nothing to embed".into());
        }
        let shape = [batch.len(), width];
        let mut ids = vec![0_i32; batch.len() * width];
        let mut mask = vec![0_i32; batch.len() * width];
        for (row, tokens) in batch.iter().enumerate() {
            let start = row * width;
            ids[start..start + tokens.len()].copy_from_slice(tokens);
            mask[start..start + tokens.len()].fill(1);
        }
        let types = vec![0_i32; batch.len() * width];
        let inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (self.inputs[0], Value::from_shape(shape, ids)?.into()),
            (self.inputs[1], Value::from_shape(shape, mask)?.into()),
            (self.inputs[2], Value::from_shape(shape, types)?.into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [vectors] = self.model.run_n(inputs, [self.output], Some(options))?;
        let ([rows, dimensions], flat) = vectors.into_shape_vec::<f32, 2>()?;
        if rows != batch.len() || dimensions != super::DIMENSIONS {
            return Err(format!("the model answered {rows} × {dimensions} for {} texts", batch.len()).into());
        }
        Ok(flat.chunks_exact(dimensions).map(<[f32]>::to_vec).collect())
    }
}
