import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, send, sendJson } from "@/api/client";
import type { ChangeMemory, CreateMemory, Memory } from "@/api/memory-types";
import type { ListPage } from "@/api/types";

export const MEMORIES_PATH = "/memories";
export const MEMORIES_KEY = ["memories"] as const;
/** Procedures offered for a new goal. */
const OFFERED = 100;

/** Something that changes what is remembered. */
function useChange<T, R>(change: (variables: T) => Promise<R>, onDone?: (result: R) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: async (result) => {
      onDone?.(result);
      await client.invalidateQueries({ queryKey: MEMORIES_KEY });
    },
  });
}

export function useRemember(onDone?: (memory: Memory) => void) {
  return useChange((request: CreateMemory) => sendJson<Memory>("POST", MEMORIES_PATH, request), onDone);
}

export function useChangeMemory(id: string, onDone: () => void) {
  return useChange((request: ChangeMemory) => sendJson<Memory>("PATCH", `${MEMORIES_PATH}/${id}`, request), onDone);
}

/** Of one, or of all. */
export function useForget(id: string | null, onDone: () => void) {
  return useChange(() => send(id === null ? MEMORIES_PATH : `${MEMORIES_PATH}/${id}`, { method: "DELETE" }), onDone);
}

/** What can be begun from, by name; those that may not be read any more are left out. */
export function useProcedures() {
  return useQuery({
    queryKey: [...MEMORIES_KEY, "procedure", "offered"],
    queryFn: async ({ signal }) =>
      (await getJson<ListPage<Memory>>(MEMORIES_PATH, { kind: "procedure", limit: OFFERED }, signal)).items.flatMap(({ id, name, text }) =>
        name === null || text === null ? [] : [{ id, name, text }],
      ),
  });
}
