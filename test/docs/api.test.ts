import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Application,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
  TSConfigReader,
  TypeDocReader,
} from 'typedoc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as api from '../../src/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VALUES = ReflectionKind.Function | ReflectionKind.Variable | ReflectionKind.Class;

const out = mkdtempSync(join(tmpdir(), 'seedbed-api-'));
let app: Application;
let project: ProjectReflection;

beforeAll(async () => {
  const options = { options: join(ROOT, 'typedoc.json'), out, logLevel: 'Warn' } as const;
  app = await Application.bootstrapWithPlugins(options, [new TypeDocReader(), new TSConfigReader()]);
  project = (await app.convert())!;
});
afterAll(() => rmSync(out, { recursive: true }));

/** The text of each page below a folder, by its path. */
function pages(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path =>
    path.endsWith('.md'),
  );
  const text = (path: string) => readFileSync(join(folder, path), 'utf8').replaceAll('\r\n', '\n');
  return Object.fromEntries(paths.map(path => [path.replaceAll('\\', '/'), text(path)]).sort());
}

/** What a person sees of an export and is owed a sentence on: itself, and the members of a class or of a type. */
function parts(item: DeclarationReflection): DeclarationReflection[] {
  const fields = item.type?.type === 'reflection' ? item.type.declaration.children : undefined;
  const members = item.kindOf(ReflectionKind.TypeAlias) ? fields : item.children;
  return [item, ...(members ?? [])];
}

test('the pages in docs/api are those of the sources: npm run docs:api writes them', async () => {
  app.validate(project);
  await app.generateOutputs(project);
  expect(app.logger.warningCount + app.logger.errorCount).toBe(0);
  expect(pages(join(ROOT, 'docs/api'))).toEqual(pages(out));
});

test('exports what it promises', () => {
  const isValue = (item: DeclarationReflection) => item.kindOf(VALUES);
  const values = project.children!.filter(isValue).map(item => item.name);
  const types = project.children!.filter(item => !isValue(item)).map(item => item.name);
  expect(values.sort()).toEqual(Object.keys(api).sort());
  expect({ values, types: types.sort() }).toMatchInlineSnapshot(`
    {
      "types": [
        "AccelerationOptions",
        "ArrayOf",
        "Attribute",
        "Attributes",
        "Autoencoder",
        "AutoencoderInfo",
        "Certificate",
        "CloudMean",
        "CloudStatistics",
        "ConditionRecord",
        "Conditions",
        "DType",
        "DecodeOptions",
        "Denoiser",
        "DenoiserInfo",
        "DenoiserRecipe",
        "DescentRecipe",
        "DescentState",
        "Device",
        "DiagnoseOptions",
        "Diagnosis",
        "DifferentiateOptions",
        "Dim",
        "Eigensystem",
        "EmbedOptions",
        "EmbedProgress",
        "Embedder",
        "EmbedderInfo",
        "Embedding",
        "ErrorKind",
        "ExternalFiles",
        "Feeds",
        "Finding",
        "FinishedBatch",
        "Fit",
        "Floats",
        "ForeignAutoencoder",
        "ForeignHalf",
        "ForeignInfo",
        "Graph",
        "Grid",
        "GrownComparison",
        "Interval",
        "InversionOptions",
        "Journal",
        "LbfgsOptions",
        "LeastSquaresOptions",
        "Memory",
        "Method",
        "Mixture",
        "Model",
        "ModelInfo",
        "Node",
        "NodeOptions",
        "NoiseSpectrum",
        "Op",
        "OracleForm",
        "Panel",
        "PanelOptions",
        "PictureOptions",
        "PrincipalComponents",
        "Provenance",
        "Rates",
        "Runtime",
        "RuntimeOptions",
        "SampleOptions",
        "SamplerInfo",
        "SamplerKind",
        "SamplerSession",
        "Schedule",
        "SeedPair",
        "SeedPath",
        "SeedResult",
        "SeedStatisticResult",
        "SeedVerdict",
        "Seeds",
        "Session",
        "Source",
        "SplitOptions",
        "StatisticSummary",
        "StrangenessOptions",
        "Tensor",
        "TrainOptions",
        "TrainProgress",
        "UndoOptions",
        "Undoer",
        "Value",
        "ValueInfo",
        "ValueType",
      ],
      "values": [
        "GRIDS",
        "GraphBuilder",
        "METHODS",
        "RECIPES",
        "SAMPLERS",
        "SCHEDULES",
        "SEED_PATHS",
        "SHIPPED_DENOISER",
        "SHIPPED_EMBEDDER",
        "SPLIT",
        "SeedbedError",
        "UNDOERS",
        "bind",
        "bootstrapMean",
        "classDenoiser",
        "cloudStatistics",
        "combineSeeds",
        "compareGrown",
        "createPanel",
        "createRuntime",
        "curvePoints",
        "decode",
        "diagnose",
        "differentiate",
        "embed",
        "encodePng",
        "exportWeights",
        "externalFiles",
        "float32",
        "gaussianDenoiser",
        "importAutoencoder",
        "importDenoiser",
        "importWeights",
        "interpolateSeeds",
        "isSeedbedError",
        "loadAutoencoder",
        "loadEmbedder",
        "loadModel",
        "marchenkoPastur",
        "meanSquaredErrors",
        "methodNeeds",
        "mixtureDenoiser",
        "naturalness",
        "openSampler",
        "parseForeignInfo",
        "parseModel",
        "patchCorrelation",
        "pictureShape",
        "principalComponents",
        "psnr",
        "pushForward",
        "ratesAt",
        "readModel",
        "readNpy",
        "readPicture",
        "readSeeds",
        "sample",
        "samplerGain",
        "saveModel",
        "serializeModel",
        "strangeness",
        "summarise",
        "symmetricEigen",
        "trainDenoiser",
        "widen",
        "withAutoencoder",
        "withConditions",
        "writeNpy",
        "writeSeeds",
      ],
    }
  `);
});

test('every export stands in a group of the index, and those are all', () => {
  // An export without a tag @group would stand in one of TypeDoc's own, such as 'Functions'.
  expect(project.groups!.map(group => group.title)).toEqual(app.options.getValue('groupOrder'));
});

test('every export and every field has a docstring, functions and constants an example', () => {
  const faults = project.children!.flatMap(item => {
    const silent = parts(item).filter(
      part => !part.hasComment() && !part.signatures?.every(s => s.hasComment()),
    );
    const comment = item.comment ?? item.signatures?.[0]?.comment;
    return [
      ...silent.map(part => `${part.getFullName()} has no docstring`),
      ...(item.kindOf(VALUES) && !comment?.getTag('@example') ? [`${item.name} has no example`] : []),
    ];
  });
  expect(faults).toEqual([]);
});
