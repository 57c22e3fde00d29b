// What people may do to a job, a media or a letter. The answer is told like any other news, so that every view has it at once.

import { call, get, post } from "./api.js";
import { toast } from "./dom.js";
import { tell } from "./live.js";

/** Runs a deed; what is refused is said, in the gateway's own words. Is it done? */
export async function attempt(deed, done) {
  try {
    await deed();
    toast(done);
    return true;
  } catch (error) {
    toast(error.message, true);
    return false;
  }
}

export const cancel = (job) =>
  attempt(async () => tell("job", await call("DELETE", `/jobs/${job.job_id}`)), `The job of ${job.filename} is cancelled.`);

export const retry = (job, task) =>
  attempt(async () => tell("job", await post(`/jobs/${job.job_id}/retry`, task ? { task_id: task.task_id } : {})), `The job of ${job.filename} is tried again.`);

export const redrive = (letter) =>
  attempt(async () => {
    tell("letter", await post(`/dead-letters/${letter.id}/redrive`));
    if (letter.job_id) tell("job", await get(`/jobs/${letter.job_id}`));
  }, "The letter is redriven.");

export const develop = (media, operations) =>
  attempt(async () => tell("job", await post("/jobs", { media_id: media.media_id, operations })), `A job for ${media.filename} is made.`);

export const remove = (media) =>
  attempt(async () => {
    await call("DELETE", `/media/${media.media_id}`);
    tell("deleted", { media_id: media.media_id });
  }, `${media.filename} is deleted.`);

export const probeAgain = (media) =>
  attempt(async () => tell("media", await post(`/media/${media.media_id}/probe`)), `${media.filename} is looked at again.`);
