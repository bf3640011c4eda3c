import type { components } from "./schema";
import type { Citation, Label, Narrowed } from "./types";

type Schemas = components["schemas"];

export const MEMORY_KINDS = ["about_me", "plant_fact", "procedure"] as const satisfies readonly Schemas["MemoryKindName"][];
export type MemoryKind = (typeof MEMORY_KINDS)[number];
export type MemoryState = Schemas["MemoryStateName"];
export type Memory = Narrowed<Schemas["MemoryResponse"], { citations: Citation[] } & Label>;
export type CreateMemory = Partial<Schemas["CreateMemoryRequest"]>;
export type ChangeMemory = Partial<Schemas["ChangeMemoryRequest"]>;
