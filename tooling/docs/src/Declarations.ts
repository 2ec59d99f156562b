import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import ts from "typescript5"
import { type Comment, parseComment } from "./Comment.ts"

/** One exported name: all of its declarations, a type and a value of one name together. */
export interface Declared {
  readonly name: string
  readonly comment: Comment
  /** The declarations as TypeScript, without their comments. */
  readonly signatures: ReadonlyArray<string>
}

/** A module as it is declared. */
export interface DeclaredModule {
  readonly comment: Comment
  readonly exports: ReadonlyArray<Declared>
}

/** The texts of the comments before a node, nearest last. */
const commentsOf = (file: ts.SourceFile, node: ts.Node): ReadonlyArray<string> =>
  (ts.getLeadingCommentRanges(file.text, node.pos) ?? [])
    .map(({ end, pos }) => file.text.slice(pos, end))
    .filter((text) => text.startsWith("/**"))

const namesOf = (statement: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText())
  }
  const named =
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  return named && statement.name !== undefined ? [statement.name.text] : []
}

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) &&
  (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** What a statement declares, with `X_base`, which the compiler names for an expression behind `extends`, written out. */
const signatureOf = (statement: ts.Statement, bases: ReadonlyMap<string, string>): string => {
  const text = statement.getText().replace(/^(export )?(declare )?/, "")
  return ts.isClassDeclaration(statement)
    ? text.replace(/(?<=extends )\w+_base(?= \{)/, (name) => bases.get(name) ?? name)
    : text
}

/** Reads what a `.d.ts` file exports, following names that it exports from other files. */
export const readDeclarations = (path: string): DeclaredModule => {
  const text = readFileSync(path, "utf8")
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const bases = new Map<string, string>()
  const local = new Map<string, ReadonlyArray<ts.Statement>>()
  const exported = new Map<string, Declared>()

  for (const statement of file.statements) {
    for (const name of namesOf(statement)) {
      local.set(name, [...(local.get(name) ?? []), statement])
      if (ts.isVariableStatement(statement) && name.endsWith("_base")) {
        bases.set(name, statement.declarationList.declarations[0]?.type?.getText() ?? name)
      }
    }
  }

  const declared = (name: string, statements: ReadonlyArray<ts.Statement>, above: ReadonlyArray<string>): Declared => ({
    name,
    comment: parseComment(
      [...statements.map((statement) => commentsOf(file, statement).at(-1) ?? ""), ...above].filter(Boolean)
    ),
    signatures: statements.map((statement) => signatureOf(statement, bases))
  })

  for (const [name, statements] of local) {
    if (statements.some(isExported)) exported.set(name, declared(name, statements, []))
  }
  for (const statement of file.statements) {
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue
    if (!ts.isNamedExports(statement.exportClause)) continue
    const from = statement.moduleSpecifier
    const other =
      from !== undefined && ts.isStringLiteral(from)
        ? readDeclarations(resolve(dirname(path), from.text.replace(/\.ts$/, ".d.ts")))
        : undefined
    for (const specifier of statement.exportClause.elements) {
      const name = specifier.name.text
      const original = specifier.propertyName?.text ?? name
      const found =
        other === undefined
          ? declared(name, local.get(original) ?? [], commentsOf(file, specifier))
          : other.exports.find((each) => each.name === original)
      if (found === undefined) throw new Error(`${path}: nothing is known of ${name}`)
      exported.set(name, { ...found, name })
    }
  }

  const [first, ...more] = file.statements[0] === undefined ? [] : commentsOf(file, file.statements[0])
  // The first comment is the module's unless it is the only one of an exported statement.
  const ofModule = first !== undefined && (more.length > 0 || !isExported(file.statements[0]!)) ? [first] : []
  return { comment: parseComment(ofModule), exports: Array.from(exported.values()) }
}
