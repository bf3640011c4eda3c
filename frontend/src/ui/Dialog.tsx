import { Dialog as Radix } from "radix-ui";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { IconButton } from "./Button";

/** Radix' own overlay locks scrolling with a <style> element, which the content security policy forbids. This page never
 *  scrolls as a whole, so a plain cover is enough. */
function Cover() {
  // As high as the panels: over one that is already open, below the one that comes with it.
  return <div className="fixed inset-0 z-50 bg-scrim" aria-hidden="true" />;
}

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, children, footer, wide = false }: DialogProps) {
  const { t } = useTranslation();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Cover />
        <Radix.Content
          data-modal=""
          aria-describedby={undefined}
          className={cx(
            "fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 flex-col rounded-lg border border-line bg-raised shadow-float",
            wide ? "max-w-2xl" : "max-w-md",
          )}
        >
          <header className="flex items-center justify-between gap-4 py-2 pr-2 pl-4">
            <Radix.Title className="text-md font-semibold">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label={t("common.close")}>
                <X size={16} aria-hidden="true" />
              </IconButton>
            </Radix.Close>
          </header>
          <div className="min-h-0 overflow-y-auto px-4 pb-4">{children}</div>
          {footer !== undefined && <footer className="flex flex-wrap justify-end gap-2 border-t border-line p-3">{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface SheetProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  side: "left" | "right";
  children: ReactNode;
}

/** A panel over the page, for narrow screens. The content brings its own header. */
export function Sheet({ open, onOpenChange, title, side, children }: SheetProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Cover />
        <Radix.Content
          data-modal=""
          aria-describedby={undefined}
          className={cx(
            "fixed inset-y-0 z-50 flex flex-col bg-ground shadow-float",
            side === "left" ? "left-0 w-[min(20rem,calc(100vw-3rem))] border-r border-line" : "right-0 w-full border-line sm:max-w-xl sm:border-l",
          )}
        >
          <Radix.Title className="sr-only">{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
