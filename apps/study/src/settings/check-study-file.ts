import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import schema from "../../study.schema.json" with { type: "json" };
import type { StudyFile } from "./study-file.ts";
import { UsageError } from "./usage-error.ts";

const validate = new Ajv2020({ discriminator: true, allowUnionTypes: true }).compile<StudyFile>(schema);

/**
 * Checks a study against the JSON schema that the package ships.
 *
 * @param file Named in errors.
 * @throws UsageError saying what is wrong, and where.
 */
export function checkStudyFile(file: string, value: unknown): StudyFile {
  if (validate(value)) return value;
  // Of alternatives the last error is the one about all of them.
  throw new UsageError(`${file}: ${inWords(validate.errors!.at(-1)!)}`);
}

function inWords({ instancePath, keyword, message, params }: ErrorObject): string {
  const where = instancePath === "" ? "a study" : instancePath.slice(1).replaceAll("/", ".");
  switch (keyword) {
    case "additionalProperties":
      return `${where} has no setting "${params["additionalProperty"]}"`;
    case "enum":
      return `${where} must be one of ${(params["allowedValues"] as unknown[]).join(", ")}`;
    case "discriminator":
      return `${where}.kind must be text, gaussian or safetensors`;
    case "propertyNames":
      return `${where} has the name "${params["propertyName"]}", expected letters, digits, "." "_" "-"`;
    default:
      return `${where} ${message}`;
  }
}
