import { addTexts } from "@/i18n";
import { glossary } from "@/i18n/en-glossary";

addTexts({ glossary });
