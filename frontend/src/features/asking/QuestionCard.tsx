import { MessageCircleQuestion } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Problem } from "@/api/problem";
import type { PersonQuestion } from "@/features/chat/model/asked";
import { formatDateTime } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import "./texts";

const MAX_ANSWER = 2000;

interface QuestionCardProps {
  asked: PersonQuestion;
  /** Sends the answer; what went wrong, where it did. */
  onAnswer: (text: string) => Promise<Problem | null>;
}

/** What an agent asks before it goes on: choose one of its options, or write. */
export function QuestionCard({ asked, onAnswer }: QuestionCardProps) {
  const { t } = useTranslation();
  const title = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!window.matchMedia("(pointer: coarse)").matches) input.current?.focus();
  }, []);
  const send = async (answer: string) => {
    if (answer === "" || sending) return;
    setSending(true);
    setProblem(await onAnswer(answer));
    setSending(false);
  };
  return (
    <section aria-labelledby={title} data-testid="question-card" className="my-3 rounded-lg border border-accent bg-raised p-3">
      <p id={title} className="flex items-center gap-2 text-sm font-medium text-ink-2">
        <MessageCircleQuestion size={16} aria-hidden="true" className="text-accent" />
        {t("asking.title")}
      </p>
      <p className="mt-1 text-md [overflow-wrap:anywhere]">{asked.question}</p>
      {asked.options.length > 0 && (
        <ul aria-label={t("asking.options")} className="mt-2 flex flex-wrap gap-2">
          {asked.options.map((option) => (
            <li key={option}>
              <Button disabled={sending} onClick={() => void send(option)} className="max-w-full whitespace-normal text-left">
                {option}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send(text.trim());
        }}
        className="mt-2 flex flex-wrap gap-2"
      >
        <input ref={input} value={text} maxLength={MAX_ANSWER} onChange={(event) => setText(event.target.value)} aria-label={t("asking.own")} placeholder={t("asking.own")} className="field min-w-40 flex-1" />
        <Button type="submit" kind="primary" disabled={sending || text.trim() === ""}>
          {t(sending ? "asking.sending" : "asking.send")}
        </Button>
      </form>
      {problem !== null && <ProblemNotice className="mt-2" problem={problem} />}
      <p className="mt-2 text-xs text-ink-3">
        {t("asking.hint")}
        {asked.until !== null && ` ${t("asking.until", { time: formatDateTime(asked.until) })}.`}
      </p>
    </section>
  );
}

/** What was asked in a step, and what came of it. */
export function Asked({ asked }: { asked: PersonQuestion }) {
  const { t } = useTranslation();
  return (
    <div className="[overflow-wrap:anywhere]">
      <p>{asked.question}</p>
      <p className="text-ink-3">{asked.answer === null ? t("asking.unanswered") : t("asking.answered", { answer: asked.answer })}</p>
    </div>
  );
}
