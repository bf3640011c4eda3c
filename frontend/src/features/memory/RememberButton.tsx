import { Link } from "@tanstack/react-router";
import { BookmarkCheck, BookmarkPlus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import type { Message } from "@/api/types";
import { useFlash } from "@/lib/hooks";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useRemember } from "./queries";
import { citedSentences } from "./sentences";
import "./texts";

const CONFIRMED_MS = 6000;

/** Has a sentence of an answer remembered: at once where it is the only one that cites something, else the person chooses. */
export function RememberButton({ message }: { message: Message }) {
  const { t } = useTranslation();
  const [choosing, setChoosing] = useState(false);
  const [confirmed, confirm] = useFlash(CONFIRMED_MS);
  const remember = useRemember(() => {
    setChoosing(false);
    confirm();
  });
  const sentences = citedSentences(message.content);
  if (sentences.length === 0) return null;
  const take = (sentence: string) => remember.mutate({ message_id: message.id, sentence });
  const close = () => {
    setChoosing(false);
    remember.reset();
  };
  const begin = () => {
    const [only, ...others] = sentences;
    if (only !== undefined && others.length === 0) take(only);
    else setChoosing(true);
  };
  return (
    <>
      <span role="status" className="mr-1 inline-flex items-center gap-1 text-ink-2" data-testid="remembered">
        {confirmed && (
          <>
            {t("memory.remembered")}
            <Link to="/memory" className="underline underline-offset-2 hover:text-ink">
              {t("memory.toMemory")}
            </Link>
          </>
        )}
      </span>
      <IconButton label={t("memory.remember")} disabled={remember.isPending} onClick={begin}>
        {confirmed ? <BookmarkCheck size={14} aria-hidden="true" className="text-accent" /> : <BookmarkPlus size={14} aria-hidden="true" />}
      </IconButton>
      {(choosing || remember.error !== null) && (
        <Dialog open onOpenChange={(open) => !open && close()} title={t("memory.rememberWhich")}>
          {remember.error !== null && <ProblemNotice problem={asProblem(remember.error)} className="mb-3" />}
          <ul className="space-y-2">
            {sentences.map((sentence) => (
              <li key={sentence} className="flex items-start gap-3 rounded-md border border-line p-2">
                <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">{sentence}</span>
                <Button disabled={remember.isPending} onClick={() => take(sentence)} aria-label={`${t("memory.remember")}: ${sentence}`}>
                  {t("memory.remember")}
                </Button>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}
