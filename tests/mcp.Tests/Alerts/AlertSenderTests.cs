using System.Diagnostics;
using System.Text.Json;
using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Alerts;

/// <summary>The sender with real commands: good, failing, hanging, flooding, missing.</summary>
internal sealed class AlertSenderTests : IDisposable
{
    private static readonly AlertSubject Subject = new("container down", "orion", "notes", "web");

    private readonly TemporaryFolder _folder = new();
    private readonly Database _database;
    private readonly List<string> _failed = [];
    private readonly CancellationTokenSource _end = new();
    private Task _running = Task.CompletedTask;

    public AlertSenderTests() => _database = AgentDatabase.Open(_folder["mcp.db"], TimeProvider.System);

    public void Dispose()
    {
        _end.Cancel();
        _running.Wait();
        _end.Dispose();
        _database.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task The_command_reads_one_document_each_and_the_end_after_the_beginning()
    {
        var book = Run("cat >> \"$0\"", _folder["out"]);
        book.Open(new AlertNotice(Subject, "error", "notes-web is gone: \"x\" \u001b", "mcp start notes"));
        book.Close(Subject);
        await UntilAsync(() => Lines().Length == 2);
        using var opened = JsonDocument.Parse(Lines()[0]);
        // The contract of docs/operations.md: these names, in this order.
        await Assert.That(opened.RootElement.EnumerateObject().Select(p => p.Name)).IsEquivalentTo(
            (string[])["version", "state", "kind", "severity", "fleet", "node", "service", "component", "message", "command", "since", "at", "suppressed"]);
        await Assert.That(opened.RootElement.GetProperty("message").GetString()).IsEqualTo("notes-web is gone: \"x\" \u001b");
        await Assert.That(opened.RootElement.GetProperty("state").GetString()).IsEqualTo("opened");
        await Assert.That(Lines()[1]).Contains("\"state\":\"closed\"");
        await Assert.That(_failed).IsEmpty();
    }

    [Test]
    public async Task A_failing_command_is_tried_again_and_then_said()
    {
        var book = Run("cat > /dev/null; echo run >> \"$0\"; printf 'no route \\033[31m' >&2; exit 3", _folder["out"], attempts: 2);
        book.Open(new AlertNotice(Subject, "error", "gone", ""));
        await UntilAsync(() => _failed.Count == 1);
        await Assert.That(Lines().Length).IsEqualTo(2);
        await Assert.That(_failed[0]).Contains("container down").And.Contains("exit code 3").And.Contains("no route \\u{1b}[31m");
    }

    [Test]
    public async Task A_hanging_command_holds_up_nobody_and_is_killed()
    {
        var book = Run("echo $$ >> \"$0\"; exec sleep 600", _folder["out"], attempts: 1, timeout: TimeSpan.FromSeconds(5));
        book.Open(new AlertNotice(Subject, "error", "gone", ""));
        await UntilAsync(() => Lines().Length == 1);
        // The command hangs now; facts are still taken at once.
        for (var i = 0; i < 20; i++)
            book.Open(new AlertNotice(new AlertSubject("container down", "orion", $"s{i}"), "error", "gone", ""));
        await Assert.That(_failed).IsEmpty();
        await UntilAsync(() => _failed.Count > 0);
        await Assert.That(_failed[0]).Contains("killed after 5 s");
        await UntilAsync(() => !File.Exists($"/proc/{Lines()[0]}/stat"));
    }

    [Test]
    public async Task A_command_that_is_not_there_is_said()
    {
        var book = Start(new AlertSettings { Command = [_folder["none"]], Cooldown = TimeSpan.FromMinutes(15), Fleet = "f", Attempts = 1 });
        book.Open(new AlertNotice(Subject, "error", "gone", ""));
        await UntilAsync(() => _failed.Count == 1);
        await Assert.That(_failed[0]).Contains(_folder["none"]).And.Contains("not there");
    }

    [Test]
    public async Task The_words_of_the_command_are_arguments_and_never_a_shell_line()
    {
        var book = Start(new AlertSettings { Command = ["tee", _folder["out"], _folder["$(touch x); \"y"]], Cooldown = TimeSpan.FromMinutes(15), Fleet = "f", Attempts = 1 });
        book.Open(new AlertNotice(Subject, "error", "gone", ""));
        await UntilAsync(() => Lines().Length == 1);
        await Assert.That(File.Exists(_folder["$(touch x); \"y"])).IsTrue();
    }

    private AlertBook Run(string script, string argument, int attempts = 4, TimeSpan? timeout = null) => Start(new AlertSettings
    {
        Command = ["sh", "-c", script, argument],
        Cooldown = TimeSpan.FromMinutes(15),
        Fleet = "example.net",
        Attempts = attempts,
        Timeout = timeout ?? TimeSpan.FromSeconds(10),
    });

    private AlertBook Start(AlertSettings settings)
    {
        var book = new AlertBook(_database, settings, TimeProvider.System);
        var sender = new AlertSender(book, settings, (_, problem) => _failed.Add(problem), TimeProvider.System, NullLogger<AlertSender>.Instance);
        _running = sender.RunAsync(_end.Token);
        return book;
    }

    private string[] Lines() => File.Exists(_folder["out"]) ? File.ReadAllLines(_folder["out"]) : [];

    private static async Task UntilAsync(Func<bool> condition)
    {
        var patience = Stopwatch.StartNew();
        while (!condition() && patience.Elapsed < TimeSpan.FromSeconds(30))
            await Task.Delay(20);
        await Assert.That(condition()).IsTrue();
    }
}
