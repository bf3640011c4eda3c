import type { AnsweringAgent } from "./agent-types";
import type { components } from "./schema";

type Schemas = components["schemas"];

/** The server sends every field; what has no value is null. The OpenAPI document calls such fields optional. */
export type Sent<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
/** Closed sets of words that the OpenAPI document describes in prose. */
export type Narrowed<T, N extends { [K in keyof N]: K extends keyof T ? unknown : never }> = Omit<Sent<T>, keyof N> & N;

export type Classification = Schemas["Classification"];
export type Integrity = Schemas["Integrity"];
/** What a document, a message or a passage is: who may read it, and whether it may be taken at its word. */
export type Label = Sent<Schemas["Label"]>;
export type LabelRequestStatus = Schemas["LabelRequestStatusName"];
export type LabelRequest = Narrowed<Schemas["LabelRequestResponse"], { from: Label; to: Label }>;
export type Tier = Schemas["TierName"];
export type Stage = "parse" | "chunk" | "embed" | "index";
export type Format = "pdf" | "docx" | "pptx" | "xlsx" | "csv" | "text" | "markdown" | "html" | "eml";
export type Failure = Schemas["FailureResponse"];

export type ProblemBody = Schemas["Problem"];

export type Version = Narrowed<
  Schemas["VersionResponse"],
  {
    format: Format;
    status: "queued" | "processing" | "ready" | "scheduled" | "failed" | "superseded" | "expired";
    language: "en" | "de" | null;
    stage: Stage | null;
    timings_ms: Partial<Record<Stage, number>>;
  }
>;
export type RelatedDocument = Schemas["RelatedDocumentResponse"];
export type RelatedSource = Schemas["RelatedSourceResponse"];
export type Document = Narrowed<
  Schemas["DocumentResponse"],
  { format: Format; latest: Version; supersedes: RelatedDocument | null; superseded_by: RelatedDocument | null; source: RelatedSource | null } & Label
>;
/** Whether meaning finds a document, beside keywords. */
export type DocumentVectors = Narrowed<Schemas["VectorsResponse"], { state: "complete" | "pending" | "withheld" }>;
export type DocumentDetail = Document & { versions: Version[]; vectors: DocumentVectors | null };
export type Manifest = Sent<Schemas["ManifestResponse"]>;
export type Chunk = Sent<Schemas["ChunkResponse"]>;
export type PageText = Schemas["DocumentPageResponse"];
export type PageWords = Sent<Schemas["PageWordsResponse"]>;

export type Citation = Narrowed<Schemas["CitationResponse"], Label>;
export type Message = Narrowed<
  Schemas["MessageResponse"],
  {
    role: "user" | "assistant";
    status: "complete" | "streaming" | "stopped" | "failed";
    citations: Citation[];
    tier: Tier | null;
    classification: Classification | null;
    integrity: Integrity | null;
    agent: AnsweringAgent | null;
  }
>;
export type ConversationSummary = Schemas["ConversationResponse"];
export type Conversation = Omit<Schemas["ConversationDetailResponse"], "messages"> & { messages: Message[] };
export type RunStep = Narrowed<Schemas["RunStepResponse"], { kind: "observe" | "deliberate" | "think" | "tool" | "person" | "verify"; detail: Record<string, unknown> }>;
export type Run = Narrowed<Schemas["RunResponse"], { steps: RunStep[]; label: Label | null; status: "running" | "finished" | "failed" | "cancelled" }>;
/** What came of a run when it was repeated from its records. */
export type RunReplay = Sent<Schemas["ReplayResponse"]>;
/** The run that goes on from a step of another. */
export type RunFork = Sent<Schemas["ForkResponse"]>;
export type ChatRequest = Partial<Schemas["ChatRequest"]>;

export type AuditEntry = Sent<Schemas["AuditEntryResponse"]>;
export type Job = Narrowed<Schemas["JobResponse"], { status: "queued" | "running" | "succeeded" | "dead" }>;

/** One page of a list. */
export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

export const CLASSIFICATIONS: readonly Classification[] = ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED"];
export const LABEL_REQUEST_STATUSES: readonly LabelRequestStatus[] = ["pending", "approved", "rejected", "obsolete"];
export const STAGES: readonly Stage[] = ["parse", "chunk", "embed", "index"];
