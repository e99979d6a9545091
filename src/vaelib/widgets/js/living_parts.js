/**
 * The parts of the living network: what each is called, what it does with the values that are there
 * now, and the chapters that tell more.
 *
 * @typedef {{side: number, inked: number, units: number, active: number, mu: number[],
 *   sigma: number[], eps: number[], z: number[], answering: number, answers: number,
 *   isBernoulli: boolean, isRelu: boolean, loss: number, kl: number}} Values
 * @typedef {{name: string, label: string, page: string[], text: (values: Values) => string}} Part
 */

import { text } from "./controls.js";

/** Chapters by their file's name: their titles. */
export const TITLES = {
  autoencoder: "The autoencoder",
  latent: "Latent distributions",
  kl: "The KL divergence",
  elbo: "The ELBO",
  reparameterization: "Reparameterization",
  training: "Training in seconds",
  exploring: "Exploring the latent space",
};

const count = (number) => number.toLocaleString("en");

/** @type {Part[]} in the order in which the values flow */
export const PARTS = [
  {
    name: "image",
    label: "image x",
    page: ["autoencoder"],
    text: ({ side, inked }) =>
      `The network is given ${count(side * side)} numbers from 0, paper, to 1, ink, of which ` +
      `${inked} are above 0 here. They are laid in one row: which pixels are neighbours, nobody ` +
      "tells it.",
  },
  {
    name: "encoder",
    label: "encoder",
    page: ["autoencoder"],
    text: ({ units, active, isRelu }) =>
      `Each square is one of ${units} hidden units: a weighted sum of what came before, ` +
      `${isRelu ? "and 0 where that is negative" : "bent by an activation"}. ` +
      `${active} of them are above 0 for this image; the darker, the further from 0. ` +
      "One more linear layer makes four numbers of them.",
  },
  {
    name: "posterior",
    label: "q(z|x)",
    page: ["latent", "kl"],
    text: ({ mu, sigma, kl }) =>
      "The four numbers are a mean and a log-variance for each latent coordinate: the image’s own " +
      `Gaussian, with μ = ${pair(mu)} and σ = ${pair(sigma)}. It is filled here, over the outline ` +
      `of the prior N(0, 1), and both are drawn equally high. Its KL from the prior is ${nats(kl)}.`,
  },
  {
    name: "draw",
    label: "draw z",
    page: ["reparameterization"],
    text: ({ mu, sigma, eps, z }) =>
      `One draw, by z = μ + σε. In the first coordinate that is ${text(mu[0])} + ` +
      `${text(sigma[0])} · ${signed(eps[0])} = ${text(z[0])}. The noise ε comes from N(0, 1) and ` +
      "depends on no weight, so a gradient can pass from z to μ and σ. The ellipses are one and " +
      "two standard deviations around μ.",
  },
  {
    name: "decoder",
    label: "decoder",
    page: ["exploring"],
    text: ({ answers, answering }) =>
      "The decoder knows nothing of the image but the two numbers of z. A linear layer makes " +
      `${answers} hidden units of them, of which ${answering} are above 0, and what follows makes ` +
      "a number for each pixel of them.",
  },
  {
    name: "rebuilt",
    label: "rebuilt",
    page: ["elbo", "exploring"],
    text: ({ isBernoulli, loss }) =>
      `A sigmoid makes of each number ${isBernoulli ? "the probability of ink" : "the mean"} in ` +
      `its pixel. Together they are p(x|z), and −log p(x|z) of the image that came in is ` +
      `${nats(loss)}: less if the image is rebuilt better.`,
  },
  {
    name: "loss",
    label: "loss",
    page: ["elbo", "training"],
    text: ({ loss, kl }) =>
      `The reconstruction loss, ${nats(loss)} for this draw, and the KL, ${nats(kl)}, add up to ` +
      `${nats(loss + kl)}: minus the ELBO of this image, estimated from one draw. Training lowers ` +
      "the mean of it over the training images.",
  },
];

function pair(numbers) {
  return `(${numbers.map((number) => text(number)).join(", ")})`;
}

function signed(number) {
  const shown = text(number);
  return shown.startsWith("−") ? `(${shown})` : shown;
}

function nats(number) {
  return `${text(number, 1)} nats`;
}
