//! Requests of the OpenAI chat API, made of `async-openai`'s types.

use async_openai::types::{
    chat::{
        ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionNamedToolChoice,
        ChatCompletionRequestAssistantMessage, ChatCompletionRequestAssistantMessageContent,
        ChatCompletionRequestMessage, ChatCompletionRequestMessageContentPartImage,
        ChatCompletionRequestMessageContentPartText, ChatCompletionRequestSystemMessage,
        ChatCompletionRequestSystemMessageContent, ChatCompletionRequestToolMessage,
        ChatCompletionRequestToolMessageContent, ChatCompletionRequestUserMessage,
        ChatCompletionRequestUserMessageContent, ChatCompletionRequestUserMessageContentPart,
        ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionToolChoiceOption, ChatCompletionTools,
        CreateChatCompletionRequest, FunctionCall, FunctionName, FunctionObject, ImageUrl, ResponseFormat,
        ResponseFormatJsonSchema, StopConfiguration, ToolChoiceOptions,
    },
    embeddings::{CreateEmbeddingRequest, EmbeddingInput, EncodingFormat},
};

use super::super::{Message, ModelRequest, OutputFormat, Part, ToolCall, ToolChoice, ToolDefinition};

/// Which word a server knows for the most tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitWord {
    /// `max_tokens`, which every compatible server knows.
    MaxTokens,
    /// `max_completion_tokens`, which the newer models of OpenAI and Azure want.
    MaxCompletionTokens,
}

/// The body of a chat request.
#[expect(deprecated, reason = "words that compatible servers know")]
pub(crate) fn chat(model: &str, request: &ModelRequest, word: LimitWord, streams: bool) -> CreateChatCompletionRequest {
    let sampling = &request.sampling;
    let limit = request.max_output_tokens;
    let (max_tokens, max_completion_tokens) = match word {
        LimitWord::MaxTokens => (limit, None),
        LimitWord::MaxCompletionTokens => (None, limit),
    };
    CreateChatCompletionRequest {
        model: model.to_owned(),
        messages: request.messages.iter().map(message).collect(),
        tools: (!request.tools.is_empty()).then(|| request.tools.iter().map(tool).collect()),
        tool_choice: tool_choice(request),
        // Refused where there are no tools.
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !request.tools.is_empty()),
        response_format: response_format(&request.output),
        max_tokens,
        max_completion_tokens,
        // Newer models of OpenAI and Azure refuse any; without one they draw as they like.
        temperature: sampling.temperature.filter(|value| *value > 0.0 || word == LimitWord::MaxTokens),
        top_p: sampling.top_p,
        seed: sampling.seed,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        stop: (!sampling.stop.is_empty()).then(|| StopConfiguration::StringArray(sampling.stop.clone())),
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|count| *count > 0),
        stream: Some(streams),
        stream_options: streams
            .then_some(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None }),
        ..CreateChatCompletionRequest::default()
    }
}

/// The body of a request for vectors.
pub(crate) fn embeddings(model: &str, texts: &[String]) -> CreateEmbeddingRequest {
    CreateEmbeddingRequest {
        model: model.to_owned(),
        input: EmbeddingInput::StringArray(texts.to_vec()),
        encoding_format: Some(EncodingFormat::Float),
        ..CreateEmbeddingRequest::default()
    }
}

fn message(message: &Message) -> ChatCompletionRequestMessage {
    match message {
        Message::System { text } => ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage {
            content: ChatCompletionRequestSystemMessageContent::Text(text.clone()),
            name: None,
        }),
        Message::User { parts } => {
            ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage { content: content(parts), name: None })
        }
        Message::Assistant { text, tool_calls } => ChatCompletionRequestMessage::Assistant(assistant(text, tool_calls)),
        Message::Tool { call_id, text, .. } => ChatCompletionRequestMessage::Tool(ChatCompletionRequestToolMessage {
            content: ChatCompletionRequestToolMessageContent::Text(text.clone()),
            tool_call_id: call_id.clone(),
        }),
    }
}

fn content(parts: &[Part]) -> ChatCompletionRequestUserMessageContent {
    // Older servers know text only as a text.
    if let [Part::Text { text }] = parts {
        return ChatCompletionRequestUserMessageContent::Text(text.clone());
    }
    let parts = parts.iter().map(|part| match part {
        Part::Text { text } => {
            ChatCompletionRequestUserMessageContentPart::Text(ChatCompletionRequestMessageContentPartText {
                text: text.clone(),
                prompt_cache_breakpoint: None,
            })
        }
        Part::Image(image) => {
            let url = format!("data:{};base64,{}", image.media_type, image.base64);
            ChatCompletionRequestUserMessageContentPart::ImageUrl(ChatCompletionRequestMessageContentPartImage {
                image_url: ImageUrl { url, detail: None },
                prompt_cache_breakpoint: None,
            })
        }
    });
    ChatCompletionRequestUserMessageContent::Array(parts.collect())
}

fn assistant(text: &str, calls: &[ToolCall]) -> ChatCompletionRequestAssistantMessage {
    let call = |call: &ToolCall| {
        ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall {
            id: call.id.clone(),
            function: FunctionCall { name: call.name.clone(), arguments: call.arguments.clone() },
        })
    };
    let says_something = !text.is_empty() || calls.is_empty();
    ChatCompletionRequestAssistantMessage {
        content: says_something.then(|| ChatCompletionRequestAssistantMessageContent::Text(text.to_owned())),
        tool_calls: (!calls.is_empty()).then(|| calls.iter().map(call).collect()),
        ..ChatCompletionRequestAssistantMessage::default()
    }
}

fn tool(tool: &ToolDefinition) -> ChatCompletionTools {
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: tool.name.clone(),
            description: Some(tool.description.clone()).filter(|text| !text.is_empty()),
            parameters: Some(tool.parameters.clone()),
            strict: tool.strict.then_some(true),
        },
    })
}

fn tool_choice(request: &ModelRequest) -> Option<ChatCompletionToolChoiceOption> {
    match &request.tool_choice {
        // What holds without the word.
        ToolChoice::Auto => None,
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::None)),
        ToolChoice::Required => Some(ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Required)),
        ToolChoice::Named(name) => Some(ChatCompletionToolChoiceOption::Function(ChatCompletionNamedToolChoice {
            function: FunctionName { name: name.clone() },
        })),
    }
}

fn response_format(output: &OutputFormat) -> Option<ResponseFormat> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => Some(ResponseFormat::JsonObject),
        OutputFormat::JsonSchema { name, schema, strict } => Some(ResponseFormat::JsonSchema {
            json_schema: ResponseFormatJsonSchema {
                description: None,
                name: name.clone(),
                schema: schema.clone(),
                strict: Some(*strict),
            },
        }),
    }
}
