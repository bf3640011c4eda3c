/** Shapes of the HTTP contract. `npm run generate` replaces this file from docs/openapi.json. */
export interface components {
  schemas: {
    Classification: "PUBLIC" | "INTERNAL" | "CONFIDENTIAL" | "RESTRICTED";
    Role: "viewer" | "operator" | "admin";
    Tier: "LIGHT" | "STANDARD" | "HEAVY";
    Problem: {
      type: string;
      title: string;
      status: number;
      code: string;
      detail: string;
      trace_id: string;
      remedy?: string | null;
      fields?: { field: string; message: string }[] | null;
    };
    User: {
      id: string;
      email: string;
      display_name: string;
      role: components["schemas"]["Role"];
      tenant: { id: string; name: string };
    };
    LoginResponse: { access_token: string; token_type: string; expires_in: number; user: components["schemas"]["User"] };
    Stage: "parse" | "chunk" | "embed" | "index";
    Version: {
      id: string;
      number: number;
      format: components["schemas"]["Format"];
      media_type: string;
      size_bytes: number;
      sha256: string;
      status: "queued" | "processing" | "ready" | "failed" | "superseded";
      stage: components["schemas"]["Stage"] | null;
      stage_done: number;
      stage_total: number | null;
      page_count: number | null;
      chunk_count: number | null;
      paged: boolean;
      error: components["schemas"]["Failure"] | null;
      created_at: string;
      ready_at: string | null;
      timings_ms: Partial<Record<components["schemas"]["Stage"], number>>;
    };
    Failure: { code: string; detail: string };
    Format: "pdf" | "docx" | "text" | "markdown" | "html";
    Document: {
      id: string;
      name: string;
      classification: components["schemas"]["Classification"];
      metadata: Record<string, unknown>;
      format: components["schemas"]["Format"];
      created_at: string;
      updated_at: string;
      created_by: { id: string; display_name: string };
      current_version: number | null;
      latest: components["schemas"]["Version"];
    };
    DocumentDetail: components["schemas"]["Document"] & { versions: components["schemas"]["Version"][] };
    Chunk: {
      id: string;
      ordinal: number;
      page: number | null;
      heading_path: string[];
      char_start: number;
      char_end: number;
      token_count: number;
      text: string;
    };
    PageText: { number: number; page_count: number; paged: boolean; text: string };
    Citation: {
      number: number;
      chunk_id: string;
      document_id: string;
      document_name: string;
      version: number;
      page: number | null;
      heading_path: string[];
      quote: string;
      char_start: number;
      char_end: number;
      classification: components["schemas"]["Classification"];
    };
    Message: {
      id: string;
      parent_id: string | null;
      role: "user" | "assistant";
      content: string;
      status: "complete" | "streaming" | "stopped" | "failed";
      citations: components["schemas"]["Citation"][];
      run_id: string | null;
      model: string | null;
      tier: components["schemas"]["Tier"] | null;
      classification: components["schemas"]["Classification"] | null;
      answered: boolean | null;
      error: components["schemas"]["Failure"] | null;
      duration_ms: number | null;
      created_at: string;
    };
    ConversationSummary: { id: string; title: string; created_at: string; updated_at: string; message_count: number };
    Conversation: { id: string; title: string; created_at: string; updated_at: string; messages: components["schemas"]["Message"][] };
    RunStep: {
      number: number;
      kind: "observe" | "think" | "verify";
      attempt: number;
      status: string;
      detail: Record<string, unknown>;
      started_at: string;
      finished_at: string | null;
      duration_ms: number | null;
    };
    Run: {
      id: string;
      conversation_id: string;
      status: "running" | "finished" | "failed" | "cancelled";
      tier: components["schemas"]["Tier"] | null;
      model: string | null;
      error: components["schemas"]["Failure"] | null;
      created_at: string;
      finished_at: string | null;
      steps: components["schemas"]["RunStep"][];
    };
    AuditEntry: {
      id: string;
      sequence: number | null;
      occurred_at: string;
      actor: string;
      actor_name: string | null;
      action: string;
      resource_type: string;
      resource_id: string;
      details: Record<string, unknown>;
      hash: string | null;
    };
    Job: {
      id: string;
      kind: string;
      status: "queued" | "running" | "succeeded" | "dead";
      attempts: number;
      max_attempts: number;
      run_at: string;
      last_error: string | null;
      resource_id: string | null;
      created_at: string;
      finished_at: string | null;
    };
  };
}
