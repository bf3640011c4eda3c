import { useTranslation } from "react-i18next";
import { session } from "@/api/session";
import { shortcutsPreference } from "@/lib/preferences";
import { useStore } from "@/lib/store";
import { Dialog } from "@/ui/Dialog";
import { Kbd } from "@/ui/parts";
import { ADMIN_PLACES, PLACES, allowed } from "./places";

const KEYS = [
  { keys: ["/"], name: "search" },
  { keys: ["j", "k"], name: "move" },
  { keys: ["Enter"], name: "open" },
  { keys: ["Esc"], name: "close" },
  { keys: ["n"], name: "newChat" },
  { keys: ["?"], name: "help" },
] as const;

interface ShortcutsDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function ShortcutsDialog({ open, onOpenChange }: ShortcutsDialogProps) {
  const { t } = useTranslation();
  const enabled = useStore(shortcutsPreference, (value) => value === "on");
  const user = useStore(session, (value) => value?.user);
  const places = [...allowed(PLACES, user), ...allowed(ADMIN_PLACES, user)].map(({ name, key }) => ({ keys: ["g", key], name }));
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("shortcuts.title")}>
      <dl className="divide-y divide-line">
        {[...KEYS, ...places].map((entry) => (
          <div key={entry.name} className="flex min-h-8 items-center justify-between gap-4 py-1">
            <dt>{t(`shortcuts.${entry.name}`)}</dt>
            <dd className="flex gap-1">
              {entry.keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <label className="mt-3 flex min-h-8 items-center gap-2 text-ink-2 touch:min-h-11">
        <input
          type="checkbox"
          className="size-4 accent-(--accent)"
          checked={enabled}
          onChange={(event) => shortcutsPreference.set(event.target.checked ? "on" : "off")}
        />
        {t("shortcuts.enable")}
      </label>
    </Dialog>
  );
}
