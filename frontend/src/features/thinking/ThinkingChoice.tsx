import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { Tier } from "@/api/types";
import { THINKINGS, type Thinking } from "@/features/chat/model/debate";
import { Select } from "@/ui/parts";
import "./texts";

interface Way {
  name: Thinking;
  /** So many calls of a model at most beside the answer, by tier. */
  calls: Partial<Record<Tier, number>>;
}

interface ThinkingChoiceProps {
  value: Thinking | null;
  /** Null where the question decides. */
  tier: Tier | null;
  onChange: (value: Thinking | null) => void;
}

/** How the question shall be thought through, and what that takes; nothing where no language model is set up. */
export function ThinkingChoice({ value, tier, onChange }: ThinkingChoiceProps) {
  const { t } = useTranslation();
  const query = useQuery({ queryKey: ["chat", "thinking"], queryFn: async ({ signal }) => (await getJson<{ items: Way[] }>("/chat/thinking", undefined, signal)).items, staleTime: 60_000 });
  const ways = query.data ?? [];
  if (ways.length === 0) return null;
  const most = ({ calls }: Way) => (tier === null ? Math.max(...Object.values(calls)) : (calls[tier] ?? 0));
  return (
    <Select
      quiet
      label={t("thinking.choose")}
      value={value ?? ""}
      options={[{ value: "", label: t("thinking.none") }, ...ways.map((way) => ({ value: way.name, label: t("thinking.option", { name: t(`thinking.name.${way.name}`), count: most(way) }) }))]}
      onChange={(name) => onChange(THINKINGS.find((known) => known === name) ?? null)}
      className="max-w-52 text-sm"
    />
  );
}
