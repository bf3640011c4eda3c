import { useQuery } from "@tanstack/react-query";
import { ArrowUp, CalendarClock, Square, X } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { ChatAgent } from "@/api/agent-types";
import type { Tier } from "@/api/types";
import { useAgentText } from "@/features/agents/texts";
import { endOfDay } from "@/lib/day";
import { useHotkeys } from "@/lib/hotkeys";
import { useStore } from "@/lib/store";
import { IconButton } from "@/ui/Button";
import { Select } from "@/ui/parts";
import { useChat } from "./context";
import type { Thinking } from "./model/debate";
import { typed } from "./model/registry";
import { useTiers } from "./tiers";

// It is there only with a language model.
const ThinkingChoice = lazy(() => import("@/features/thinking/ThinkingChoice").then((module) => ({ default: module.ThinkingChoice })));

type TierChoice = Tier | "AUTO";

/** The agents that a question may name. */
function useAgents(): readonly ChatAgent[] {
  const query = useQuery({ queryKey: ["chat", "agents"], queryFn: async ({ signal }) => (await getJson<{ items: ChatAgent[] }>("/chat/agents", undefined, signal)).items, staleTime: 60_000 });
  return query.data ?? [];
}

export function Composer() {
  const { t } = useTranslation();
  const { model } = useChat();
  const id = useStore(model.store, (state) => state.id ?? "");
  const phase = useStore(model.store, (state) => state.phase);
  const unsent = useStore(model.store, (state) => state.unsent);
  const [text, setText] = useState(() => typed.get(id) ?? "");
  const [tier, setTier] = useState<TierChoice>("AUTO");
  const [day, setDay] = useState<string | null>(null);
  const tiers = useTiers();
  const [thinking, setThinking] = useState<Thinking | null>(null);
  const [agent, setAgent] = useState("");
  const agents = useAgents();
  const textOf = useAgentText();
  const named = agents.some(({ name }) => name === agent) ? agent : "";
  const input = useRef<HTMLTextAreaElement>(null);
  const busy = phase !== "idle";

  // A question that could not be sent comes back, unless something else was typed meanwhile.
  if (unsent !== null && text === "") setText(unsent);
  useEffect(() => {
    if (unsent !== null) model.takeUnsent();
  }, [unsent, model]);
  useEffect(() => {
    if (text === "") typed.delete(id);
    else typed.set(id, text);
  }, [id, text]);
  // On a phone the keyboard would cover the page.
  useEffect(() => {
    if (!window.matchMedia("(pointer: coarse)").matches) input.current?.focus();
  }, []);
  useHotkeys({ i: () => input.current?.focus() });

  const send = () => {
    const question = text.trim();
    if (question === "" || busy) return;
    setText("");
    // It costs many calls: each question has to ask for it.
    setThinking(null);
    const asOf = day === null ? null : endOfDay(day);
    model.ask(question, { ...(tier === "AUTO" || !tiers.includes(tier) ? {} : { tier }), ...(thinking === null ? {} : { thinking }), ...(named === "" ? {} : { agent: named }), ...(asOf === null ? {} : { as_of: asOf }) });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Escape") event.currentTarget.blur();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <div className="mx-auto w-full max-w-[46rem] shrink-0 px-4 pb-3">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
        className="rounded-lg border border-line-strong bg-raised p-2 focus-within:border-accent focus-within:outline-1 focus-within:outline-accent"
      >
        <textarea
          ref={input}
          aria-label={t("chat.ask")}
          placeholder={t("chat.ask")}
          value={text}
          rows={1}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="field-sizing-content block max-h-48 min-h-7 w-full resize-none bg-transparent px-1.5 py-0.5 text-md outline-none placeholder:text-ink-3"
        />
        <div className="mt-1 flex items-center justify-between gap-2">
          <div className="flex min-w-0 flex-wrap items-center gap-1">
            {agents.length > 1 && (
              <Select
                quiet
                label={t("agents.choose")}
                value={named}
                options={[{ value: "", label: t("agents.auto") }, ...agents.map(({ name, title }) => ({ value: name, label: textOf(title) }))]}
                onChange={setAgent}
                className="max-w-52 text-sm"
              />
            )}
            {tiers.length > 0 && (
              <Select
                quiet
                label={t("chat.tier")}
                value={tier === "AUTO" || tiers.includes(tier) ? tier : "AUTO"}
                options={["AUTO" as const, ...tiers].map((value) => ({ value, label: t(`tiers.${value}`) }))}
                onChange={setTier}
                className="text-sm"
              />
            )}
            <Suspense>
              <ThinkingChoice value={thinking} tier={tier === "AUTO" ? null : tier} onChange={setThinking} />
            </Suspense>
            {day === null ? (
              <IconButton label={t("chat.asOf")} onClick={() => setDay("")}>
                <CalendarClock size={16} aria-hidden="true" />
              </IconButton>
            ) : (
              <span className="flex items-center gap-1 text-sm text-ink-2">
                <label className="flex items-center gap-1.5 pl-1.5">
                  {t("chat.asOfLabel")}
                  <input type="date" value={day} onChange={(event) => setDay(event.target.value)} className="field w-36" data-testid="as-of" />
                </label>
                <IconButton label={t("chat.asOfClear")} onClick={() => setDay(null)}>
                  <X size={14} aria-hidden="true" />
                </IconButton>
              </span>
            )}
          </div>
          {busy ? (
            <IconButton
              label={t(phase === "stopping" ? "chat.stopping" : "chat.stop")}
              kind="plain"
              disabled={phase === "stopping"}
              onClick={() => void model.stop()}
              data-testid="stop"
            >
              <Square size={12} fill="currentColor" aria-hidden="true" />
            </IconButton>
          ) : (
            <IconButton label={t("chat.send")} kind="primary" type="submit" disabled={text.trim() === ""}>
              <ArrowUp size={16} aria-hidden="true" />
            </IconButton>
          )}
        </div>
      </form>
    </div>
  );
}
