import { describe, expect, it } from "vitest";
import type { Source } from "@/api/source-types";
import { BLANK, changeOf, createOf, draftOf, faults, groupMapOf, missingPairs } from "./draft";

describe("a watched folder as it is edited", () => {
  it("is sent in seconds, with the whole folder where no path is given", () => {
    expect(createOf({ ...BLANK, name: " Manuals ", groups: "hr, hr maintenance", tags: "pump, " })).toEqual({
      name: "Manuals",
      path: ".",
      classification: "INTERNAL",
      export_control: [],
      groups: ["hr", "maintenance"],
      tags: ["pump"],
      content_interval_s: 900,
      permission_interval_s: 300,
      permission_max_age_s: 3600,
    });
  });

  it("reads the groups line by line", () => {
    expect(groupMapOf("maint = maintenance\n\n 2000=hr ")).toEqual({ maint: "maintenance", "2000": "hr" });
    expect(groupMapOf("")).toEqual({});
    for (const wrong of ["maint", "= hr", "maint =", "a = b = c", "maint = Not A Group"]) expect(groupMapOf(wrong)).toBeNull();
  });

  it("says what is wrong with it", () => {
    expect([...faults(BLANK, null)]).toEqual(["name"]);
    expect([...faults({ ...BLANK, name: "x", maxAge: "5", permission: "5" }, null)]).toEqual(["maxAge"]);
    expect([...faults({ ...BLANK, name: "x", content: "often", groupMap: "x" }, null)]).toEqual(["groupMap", "content"]);
  });

  it("keeps the pairs of groups that it has, and takes more", () => {
    const source = { group_map: { "2000": "hr", maint: "maintenance" } } as unknown as Source;
    const draft = { ...BLANK, name: "x" };
    expect([...faults({ ...draft, groupMap: "maint = maintenance\n2000 = hr\n3000 = planning" }, source)]).toEqual([]);
    expect([...faults({ ...draft, groupMap: "" }, source)]).toEqual(["groupMapKept"]);
    expect(missingPairs({ ...draft, groupMap: "2000 = planning" }, source)).toEqual(["2000 = hr", "maint = maintenance"]);
    expect([...faults({ ...draft, groupMap: "2000" }, source)]).toEqual(["groupMap"]);
    expect([...faults({ ...draft, groupMap: "2000 = hr" }, { ...source, group_map: null })]).toEqual([]);
  });

  it("comes back as it was stored", () => {
    const stored = {
      name: "Manuals",
      path: "manuals",
      classification: "CONFIDENTIAL",
      export_control: ["ITAR"],
      groups: [],
      tags: ["pump"],
      group_map: { "2000": "hr" },
      content_interval_s: 90,
      permission_interval_s: 60,
      permission_max_age_s: 600,
    } as unknown as Source;
    const { path, ...rest } = createOf(draftOf(stored));
    expect(path).toBe("manuals");
    expect(rest).toEqual(changeOf(draftOf(stored)));
    expect(rest).toMatchObject({ classification: "CONFIDENTIAL", export_control: ["ITAR"], group_map: { "2000": "hr" }, content_interval_s: 90 });
  });
});
