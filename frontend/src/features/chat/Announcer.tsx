import { useTranslation } from "react-i18next";
import { useStore } from "@/lib/store";
import type { ConversationModel } from "./model/conversation";

/** Tells a screen reader that an answer is being written and when it is there; reading out every word would be noise. */
export function Announcer({ model }: { model: ConversationModel }) {
  const { t } = useTranslation();
  const phase = useStore(model.store, (state) => state.phase);
  const answered = useStore(model.store, (state) => state.runs.size > 0);
  return (
    <div role="status" className="sr-only" data-testid="phase" data-phase={phase}>
      {phase !== "idle" ? t("chat.working") : answered ? t("chat.ready") : ""}
    </div>
  );
}
