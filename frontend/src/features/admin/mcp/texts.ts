import { addTexts } from "@/i18n";
import { mcp } from "@/i18n/en-mcp";

addTexts({ mcp });
