using Mcp.Cli;
using Mcp.Errors;

namespace Mcp.Tests.Cli;

public class TextTests
{
    [Test]
    [Arguments("dpeloy", "deploy")]
    [Arguments("lgos", "logs")]
    [Arguments("stat", "status")]
    [Arguments("restrat", "restart")]
    public async Task A_slip_is_understood(string typed, string meant) =>
        await Assert.That(Suggestion.Nearest(typed, ["deploy", "logs", "status", "restart", "ps"])).IsEqualTo(meant);

    [Test]
    [Arguments("frobnicate")]
    [Arguments("x")]
    public async Task What_is_no_slip_is_not_guessed_at(string typed) =>
        await Assert.That(Suggestion.Nearest(typed, ["deploy", "logs", "status", "restart"])).IsNull();

    [Test]
    [Arguments("10m", "2026-04-01T11:50:00.000Z")]
    [Arguments("2h", "2026-04-01T10:00:00.000Z")]
    [Arguments("1d", "2026-03-31T12:00:00.000Z")]
    [Arguments("30s", "2026-04-01T11:59:30.000Z")]
    [Arguments("2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000Z")]
    [Arguments("2026-03-01T02:00:00+02:00", "2026-03-01T00:00:00.000Z")]
    public async Task Since_is_a_span_or_a_time(string text, string at) =>
        await Assert.That(LogsCommand.SinceTime(text, new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero))).IsEqualTo(at);

    [Test]
    [Arguments("soon")]
    [Arguments("m")]
    [Arguments("-5m")]
    [Arguments("")]
    public async Task Since_refuses_what_is_neither(string text) =>
        await Assert.That(() => LogsCommand.SinceTime(text, DateTimeOffset.UnixEpoch)).Throws<McpException>();

    [Test]
    public async Task A_target_is_a_service_or_one_component_of_it()
    {
        await Assert.That(ServiceTarget.Parse("notes")).IsEqualTo(new ServiceTarget("notes", ""));
        await Assert.That(ServiceTarget.Parse("notes/web")).IsEqualTo(new ServiceTarget("notes", "web"));
        foreach (var wrong in new[] { "", "/", "notes/", "Notes", "mcp", "notes/web/x", "../notes" })
            await Assert.That(() => ServiceTarget.Parse(wrong)).Throws<McpException>();
    }
}
