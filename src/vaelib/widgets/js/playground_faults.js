/**
 * Bugs that a reader can switch on: those of the museum in "When training goes wrong" that training
 * shows, and others of their kinds. Each has its name, the line as it should be and as it was written,
 * and what becomes of training, which stands behind a fold; tests/test_playground_runs.py holds it
 * to what it says. Their places in the computation are in playground_model.js and, for the noise of a
 * batch, in playground_steps.js.
 */

/** @type {Record<string, {name: string, right: string, wrong: string, why: string}>} */
export const FAULTS = {
  none: { name: "no bug", right: "", wrong: "", why: "" },
  "kl-mean": {
    name: "the KL is averaged over the pixels",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + beta * kl.sum(1) / 784",
    why:
      "The KL weighs 784 times too little, as with β = 1/784. Nothing holds the codes together: the " +
      "map grows far beyond the prior, each image gets a narrow Gaussian of its own, and the KL of " +
      "the test digits is tens of nats while the loss that is trained falls. Reconstructions are " +
      "better than without the bug, −ELBO of the test digits is worse, and draws from the prior come " +
      "from the middle of a map that is mostly gaps.",
  },
  "kl-latents": {
    name: "the KL is averaged over the latents",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + beta * kl.mean(1)",
    why:
      "With two latents this is β = 1/2. After three epochs the digits are rebuilt better than without " +
      "the bug, and the KL is higher: the codes leave the prior. The KL that the code reports is half " +
      "of the one in the table. With 20 latents it would be β = 1/20: what the setting means depends " +
      "on the size of the code.",
  },
  "kl-batch": {
    name: "the KL is divided by a number that was typed",
    right: "loss = cross_entropy.sum(1).mean() + beta * kl.sum(1).mean()",
    wrong: "loss = cross_entropy.sum(1).mean() + beta * kl.sum() / 64",
    why:
      "With batches of 64 this is nearly right, and only the last batch of an epoch, which is smaller, " +
      "gives it away. With batches of 512 it is β = 8, and the KL shrinks; with batches of 16 it is " +
      "β = 1/4, and the KL grows. A setting that should change the speed alone changes the model.",
  },
  "pixel-mean": {
    name: "the cross-entropy is averaged over the pixels",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.mean(1) + beta * kl.sum(1)",
    why:
      "The KL weighs 784 times too much, as with β = 784. A code costs more than it can save, so the " +
      "encoder gives every image the prior itself: the KL is 0, the map is a point, and all images " +
      "are rebuilt as one blur, the mean image. That is posterior collapse.",
  },
  "kl-twice": {
    name: "the KL is counted twice",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + beta * kl.sum(1) + kl_of_a_layer",
    why:
      "This is β = 2, and easy to miss: training works. After three epochs the KL of the test digits " +
      "is lower than without the bug and their reconstruction loss higher. The loss that the code " +
      "reports counts the KL twice, too. Keep a run without the bug to compare.",
  },
  "kl-sign": {
    name: "the KL has the wrong sign",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) - beta * kl.sum(1)",
    why:
      "The loss has no minimum: the further the codes are from the prior, the lower it is. It falls " +
      "without end, which looks like success, while −ELBO of the test digits explodes.",
  },
  "no-coefficient": {
    name: "β is never used",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + kl.sum(1)",
    why:
      "At β = 1 nothing is wrong. Move the slider to 0 or to 10 while it runs: without the bug the " +
      "map spreads or shrinks within an epoch, with it nothing happens. A setting that changes " +
      "nothing is the symptom.",
  },
  "log-var-as-sigma": {
    name: "the log-variance is taken for σ",
    right: "z = mu + (log_var / 2).exp() * eps",
    wrong: "z = mu + log_var * eps",
    why:
      "Where log σ² is 0 the noise is gone, and the KL believes that σ is 1, which costs nothing. So " +
      "the code becomes a point for free: the loss that is reported is lower than −ELBO, which is " +
      "computed with the right σ and is tens of nats worse. A bound that is too good is a bug to look for.",
  },
  "variance-as-sigma": {
    name: "the variance is taken for σ",
    right: "z = mu + (log_var / 2).exp() * eps",
    wrong: "z = mu + log_var.exp() * eps",
    why:
      "The noise is σ², which for σ below 1 is less than σ. The decoder learns from narrow codes, at a " +
      "KL that belongs to wider ones; with the σ that the KL means, it gets more noise than it has " +
      "learned to bear. After three epochs the reported loss is lower than without the bug, the KL of " +
      "the test digits is, too, and their reconstruction loss is higher: keep a run to compare.",
  },
  "little-noise": {
    name: "the noise is a hundredth of σ",
    right: "z = mu + (log_var / 2).exp() * eps",
    wrong: "z = mu + 0.01 * (log_var / 2).exp() * eps",
    why:
      "The pictures are better, which is why somebody wrote it. But the KL is paid for noise that is " +
      "not there: σ goes to 1, where it costs nothing, and the codes are points. The reported loss " +
      "falls while −ELBO of the test digits, with the noise that the KL means, rises from epoch to epoch.",
  },
  unclamped: {
    name: "the log-variance is not clamped",
    right: "log_var = layer(h).clamp(max=10)",
    wrong: "log_var = layer(h)",
    why:
      "At the usual rates nothing happens: no log-variance comes near 10. Take 128 hidden units, set " +
      "the learning rate to 1 and reset: with nearly every seed a log-variance passes 89 within five " +
      "steps, where its exponential is beyond a float32. The KL is then infinite, and training stops. " +
      "Without the bug the same rate gives bad models, but their loss stays a number. NaN names no " +
      "cause: print the largest log-variance before it.",
  },
  detached: {
    name: "the gradient stops at z",
    right: "recon = decoder(z)",
    wrong: "recon = decoder(z.detach())",
    why:
      "Only the KL reaches the encoder, and it wants q(z|x) to be the prior for every image. All " +
      "means move to the origin, the KL falls to 0, and the decoder, which gets pure noise, learns " +
      "the mean image. It looks like posterior collapse, yet a smaller β does not help.",
  },
  "one-noise": {
    name: "one draw of noise for the whole batch",
    right: "eps = torch.randn(batch_size, latent_dim)",
    wrong: "eps = torch.randn(latent_dim)",
    why:
      "Each gradient is still right on average, but all images of a batch are pushed the same way, so " +
      "the mean over the batch no longer calms the noise, and training is slower. After three epochs " +
      "with 128 hidden units and batches of 64, −ELBO of the test digits is two nats to four higher " +
      "than in a kept run without the bug.",
  },
  inverted: {
    name: "ink and paper are exchanged",
    right: "loss = -log_prob(images)",
    wrong: "loss = -log_prob(1 - images)",
    why:
      "All images are inverted, as by a comparison the wrong way round where black and white pixels " +
      "are drawn from grey ones. The losses are those of a model that works: Bernoulli pixels treat " +
      "ink and paper alike. Only the pictures tell. Look at a batch as the network gets it.",
  },
  normalised: {
    name: "the pixels are normalised",
    right: "loss = -log_prob(images)",
    wrong: "loss = -log_prob((images - 0.1307) / 0.3081)",
    why:
      "Pixels of mean 0 and variance 1 suit a classifier. Here paper is then below 0 and ink above 1, " +
      "where a more certain output is always cheaper: the cross-entropy has no minimum. In the first " +
      "epoch the loss falls below −100,000, and it goes on. The sign tells: no probability of pixels " +
      "is above 1, so that this loss cannot be negative.",
  },
};
