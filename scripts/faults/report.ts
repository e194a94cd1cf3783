import { writeFile } from 'node:fs/promises';
import { TIMES } from './files.ts';

/** What came of the checks: a line each as they come, a table at the end. */
export class Report {
  private readonly rows = new Map<string, Map<string, string>>();
  private readonly tasks: readonly string[];
  failed = 0;

  /** @param tasks the columns of the table. */
  constructor(tasks: readonly string[]) {
    this.tasks = tasks;
  }

  /** @param title what is held; @param count on how much; @param faults what was wrong, nothing where all is well. */
  check(title: string, task: string, count: string, faults: readonly string[]): void {
    const mark = faults.length === 0 ? '✓' : '✗';
    if (faults.length > 0) this.failed++;
    console.log([`${mark} ${task}: ${title} (${count})`, ...new Set(faults)].join('\n    '));
    this.put(title, task, `${mark} ${count}`);
  }

  /** What is told and not judged. */
  note(title: string, task: string, cell: string): void {
    console.log(`- ${task}: ${title}: ${cell}`);
    this.put(title, task, cell);
  }

  skip(title: string, why: string): void {
    console.log(`- skipped: ${title}: ${why}`);
    for (const task of this.tasks) this.put(title, task, 'skipped');
  }

  private put(title: string, task: string, cell: string): void {
    const row = this.rows.get(title) ?? new Map<string, string>();
    this.rows.set(title, row.set(task, cell));
  }

  /** @param command by which it was made. */
  async write(path: string, command: string): Promise<void> {
    const rows = [...this.rows].map(([title, row]) => [
      title,
      ...this.tasks.map(task => row.get(task) ?? ''),
    ]);
    const table = [['what is held', ...this.tasks], ['---', ...this.tasks.map(() => '---')], ...rows];
    await writeFile(
      path,
      `# Faults
Written by \`${command}\`. Two small trainings, and commands that use what the second has learned, are disturbed at random
moments and go on with \`--resume\`. "The same files" are those of a run that nothing disturbed: the same names, the same
bytes but for recorded times (\`${TIMES.join('`, `')}\`). A training that a signal stopped also keeps the pictures of that
step. A command that keeps nothing on its way begins again: it then loses what it had done, and nothing else.

${table.map(cells => `| ${cells.join(' | ')} |`).join('\n')}
`,
    );
  }
}
