import { Check, Copy, Download } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFlash } from "@/lib/hooks";
import { saveFile } from "@/lib/save-file";
import { Button } from "./Button";

interface SecretOnceProps {
  /** What it is: read aloud, and not shown. */
  label: string;
  /** One or more lines. */
  text: string;
  /** Offers the text as a file of this name. */
  fileName?: string;
}

/** A secret that is shown now and never again, to copy or to keep as a file. */
export function SecretOnce({ label, text, fileName }: SecretOnceProps) {
  const { t } = useTranslation();
  const [copied, flash] = useFlash(2000);
  const field = useRef<HTMLTextAreaElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      flash();
    } catch {
      // No permission: it is selected, and the keyboard copies it.
      field.current?.select();
    }
  };
  const save = () => saveFile(new Blob([`${text}\n`], { type: "text/plain" }), fileName ?? "");
  const lines = text.split("\n").length;
  return (
    <div>
      <textarea
        ref={field}
        readOnly
        aria-label={label}
        value={text}
        rows={lines > 1 ? lines : Math.min(6, Math.ceil(text.length / 28))}
        onFocus={(event) => event.target.select()}
        spellCheck={false}
        data-testid="secret"
        className="field-sizing-content block w-full resize-none rounded-md border border-line-strong bg-sunken p-2 font-mono text-base break-all text-ink"
      />
      <div className="mt-2 flex flex-wrap gap-2">
        <Button onClick={() => void copy()}>
          {copied ? <Check size={14} aria-hidden="true" className="text-accent" /> : <Copy size={14} aria-hidden="true" />}
          <span aria-live="polite">{t(copied ? "common.copied" : "common.copy")}</span>
        </Button>
        {fileName !== undefined && (
          <Button onClick={save}>
            <Download size={14} aria-hidden="true" />
            {t("common.download")}
          </Button>
        )}
      </div>
    </div>
  );
}
