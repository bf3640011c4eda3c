import { useQuery } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { ChatTiers } from "@/api/gateway-types";
import type { Tier } from "@/api/types";

/** The tiers that a question may name; none where the organisation lets nobody choose. */
export function useTiers(): readonly Tier[] {
  const query = useQuery({ queryKey: ["chat", "tiers"], queryFn: ({ signal }) => getJson<ChatTiers>("/chat/tiers", undefined, signal), staleTime: 60_000 });
  return query.data?.tiers ?? [];
}
