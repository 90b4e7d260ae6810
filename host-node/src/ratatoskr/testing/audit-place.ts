/** An audit log in a folder of its own, for each test of a file, by a clock that the test sets. */
import { beforeEach } from 'vitest';
import { createLogger } from '../../log/logger.ts';
import { folderForTests, type TestFolder } from '../../testing/folder.ts';
import type { AuditFileOptions } from '../audit/audit-file.ts';
import { AuditLog } from '../audit/audit-log.ts';

export class AuditPlace {
  nowMs = 0;
  /** Problems that the log opened last has told of. */
  readonly warnings: unknown[] = [];
  readonly #folder: TestFolder;

  constructor(folder: TestFolder) {
    this.#folder = folder;
  }

  get folder(): string {
    return this.#folder.path;
  }
  get path(): string {
    return this.at('audit.log');
  }

  at(name: string): string {
    return this.#folder.at(name);
  }

  open(options: Partial<AuditFileOptions> = {}): AuditLog {
    const logger = createLogger({ level: 'silent' });
    this.warnings.length = 0;
    logger.warn = ({ problem }: { problem: string }) => void this.warnings.push(problem);
    const file = { path: this.path, ...options };
    return new AuditLog({ file, logger, nowMs: () => this.nowMs });
  }

  /** So many records, each written by itself. */
  write(log: AuditLog, count: number): void {
    for (let i = 0; i < count; i++) {
      log.record({ event: 'message_delivered', success: true, device: `d${i}` });
      log.flush();
    }
  }
}

export function auditForTests(): AuditPlace {
  const place = new AuditPlace(folderForTests('audit'));
  beforeEach(() => {
    place.nowMs = 1_800_000_000_000;
  });
  return place;
}
