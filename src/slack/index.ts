/** `sallyport/slack`: questions as cards in a Slack conversation. */

export { type SlackChannel, type SlackOptions, slackChannel } from "../approval/index.js";
