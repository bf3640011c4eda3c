import { ArrowUp, Square } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useHotkeys } from "@/lib/hotkeys";
import { useStore } from "@/lib/store";
import { IconButton } from "@/ui/Button";
import { Select } from "@/ui/parts";
import { useChat } from "./context";
import { typed } from "./model/registry";

const TIERS = ["AUTO", "LIGHT", "STANDARD", "HEAVY"] as const;
type TierChoice = (typeof TIERS)[number];

export function Composer() {
  const { t } = useTranslation();
  const { model } = useChat();
  const id = useStore(model.store, (state) => state.id ?? "");
  const phase = useStore(model.store, (state) => state.phase);
  const unsent = useStore(model.store, (state) => state.unsent);
  const [text, setText] = useState(() => typed.get(id) ?? "");
  const [tier, setTier] = useState<TierChoice>("AUTO");
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
    model.ask(question, tier === "AUTO" ? undefined : tier);
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
          <Select
            quiet
            label={t("chat.tier")}
            value={tier}
            options={TIERS.map((value) => ({ value, label: t(`tiers.${value}`) }))}
            onChange={setTier}
            className="text-sm"
          />
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
