import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "@/lib/store";
import { IconButton } from "@/ui/Button";
import { useChat } from "./context";
import { threadItems, type ThreadItem } from "./model/state";
import { Answer, Question, QuestionText } from "./Messages";
import { Steps } from "./Steps";

const NEAR_END_PX = 96;

/** The messages of the shown path. Only those near the view are in the page, so a conversation may be thousands long. */
export function Thread() {
  const { t } = useTranslation();
  const { model } = useChat();
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const messages = useStore(model.store, (state) => state.messages);
  const choices = useStore(model.store, (state) => state.choices);
  const pending = useStore(model.store, (state) => state.pending);
  const keys = useStore(model.store, (state) => state.keys);
  const items = useMemo(() => threadItems({ messages, choices, pending, keys }), [messages, choices, pending, keys]);

  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items[index]?.kind === "question" || isQuestion(items[index]) ? 80 : 240),
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 4,
    gap: 4,
    paddingStart: 24,
    paddingEnd: 24,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: NEAR_END_PX,
  });

  // A question just sent is looked at, wherever the person had scrolled to before.
  const pendingKey = pending?.key;
  useLayoutEffect(() => {
    virtual.scrollToEnd();
  }, [virtual, pendingKey]);

  const onScroll = () => {
    const element = scroller.current;
    if (element !== null) setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX);
  };

  return (
    <div className="relative min-h-0 flex-1">
      {/* The scrolling region takes the focus, so that it can be scrolled from the keyboard. */}
      <div
        ref={scroller}
        onScroll={onScroll}
        role="region"
        aria-label={t("chat.thread")}
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="h-full overflow-y-auto overscroll-contain [overflow-anchor:none] [scrollbar-gutter:stable_both-edges] focus-visible:-outline-offset-2"
      >
        <div className="relative mx-auto w-full max-w-[46rem] px-4" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const item = items[row.index];
            return item === undefined ? null : (
              <div
                key={row.key}
                ref={virtual.measureElement}
                data-index={row.index}
                className="absolute inset-x-4 top-0"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <Item item={item} />
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && (
        <IconButton
          kind="plain"
          label={t("chat.toEnd")}
          onClick={() => virtual.scrollToEnd()}
          className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full bg-raised"
        >
          <ArrowDown size={16} aria-hidden="true" />
        </IconButton>
      )}
    </div>
  );
}

function isQuestion(item: ThreadItem | undefined): boolean {
  return item?.kind === "message" && item.message.role === "user";
}

function Item({ item }: { item: ThreadItem }) {
  switch (item.kind) {
    case "question":
      return (
        <div className="pb-8 touch:pb-11">
          <QuestionText text={item.text} />
        </div>
      );
    case "answer":
      return (
        <div className="min-h-16" aria-busy="true">
          <Steps steps={[]} runId={null} cited={0} running complete={false} />
        </div>
      );
    case "message":
      return item.message.role === "user" ? <Question {...item} /> : <Answer {...item} />;
  }
}
