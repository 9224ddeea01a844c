using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Alerts;

/// <summary>
/// What is told when, as tables: a script of facts and seconds, and the documents that a sender which always succeeds would send.
/// <c>o</c> it is so, <c>c</c> it is not, <c>e</c> it happened, <c>!</c> nothing is sent until <c>.</c>, a number: so many seconds pass.
/// Sent: the second, O, C or E, and how many were suppressed.
/// </summary>
internal sealed class AlertBookTests : IDisposable
{
    private static readonly AlertSubject Subject = new("container down", "orion", "notes", "web");

    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Database _database;
    private readonly AlertSettings _settings = new() { Command = ["true"], Cooldown = TimeSpan.FromSeconds(100), Fleet = "example.net", Node = "orion" };
    private AlertBook _book;

    public AlertBookTests()
    {
        _database = AgentDatabase.Open(_folder["mcp.db"], _clock);
        _book = Book();
    }

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    [Test]
    // Once each.
    [Arguments("o 10 o 10 o 10 c 10 c 10", "0O0 30C0")]
    // Told again only after the cooldown: what came and went in between is counted.
    [Arguments("o 10 c 10 o 10 c 10 o 10 c 60 o 10 c", "0O0 10C0 110O2 120C0")]
    // Still so at the end of the cooldown: told then, and its end, too.
    [Arguments("o 10 c 10 o 90 9 c", "0O0 10C0 100O0 119C0")]
    // Over before the command had time: both are told.
    [Arguments("! o 5 c 5 .", "10O0 10C0")]
    // Over and so again before its end was told: nothing to say, counted in the next document.
    [Arguments("o 5 ! c 5 o 5 . 5 c", "0O0 20C1")]
    // What has no end.
    [Arguments("e 10 e 10 e 100 e", "0E0 120E2")]
    [Arguments("! e 1 e 1 e .", "2E2")]
    public async Task A_story_is_told(string story, string told)
    {
        await Assert.That(Tell(story, restarts: false)).IsEqualTo(told);
    }

    [Test]
    [Arguments("o 10 o 10 o 10 c 10 c 10", "0O0 30C0")]
    [Arguments("o 10 c 10 o 10 c 10 o 10 c 60 o 10 c", "0O0 10C0 110O2 120C0")]
    [Arguments("! o 5 c 5 .", "10O0 10C0")]
    [Arguments("o 5 ! c 5 o 5 . 5 c", "0O0 20C1")]
    [Arguments("e 10 e 10 e 100 e", "0E0 120E2")]
    public async Task A_restart_at_any_moment_changes_nothing(string story, string told)
    {
        await Assert.That(Tell(story, restarts: true)).IsEqualTo(told);
    }

    [Test]
    public async Task An_opening_that_cannot_be_told_is_tried_again_while_it_is_so()
    {
        _book.Open(Notice());
        _book.Failed(_book.Next().Due!);
        await Assert.That(_book.Next().Due).IsNull();
        await Assert.That(_book.Next().Wait).IsEqualTo(TimeSpan.FromSeconds(100));
        _clock.Advance(TimeSpan.FromSeconds(100));
        _book.Sent(_book.Next().Due!);
        await Assert.That(_book.Next()).IsEqualTo((null, null));
        // Its end is tried twice, then given up: two rounds of attempts.
        _book.Close(Subject);
        _book.Failed(_book.Next().Due!);
        _clock.Advance(TimeSpan.FromSeconds(100));
        _book.Failed(_book.Next().Due!);
        _clock.Advance(TimeSpan.FromSeconds(1000));
        await Assert.That(_book.Next()).IsEqualTo((null, null));
    }

    [Test]
    public async Task An_opening_that_failed_and_is_over_is_counted()
    {
        _book.Open(Notice());
        var due = _book.Next().Due!;
        _book.Close(Subject);
        _book.Failed(due);
        await Assert.That(_book.Next().Due).IsNull();
        _clock.Advance(TimeSpan.FromSeconds(200));
        _book.Open(Notice());
        await Assert.That(_book.Next().Due!.Document.Suppressed).IsEqualTo(1);
    }

    [Test]
    public async Task What_comes_when_too_many_wait_is_said_and_told_later()
    {
        var few = _settings with { MostWaiting = 5 };
        var book = new AlertBook(_database, few, _clock);
        for (var i = 0; i < 20; i++)
            book.Open(Notice(new AlertSubject("container down", "orion", $"s{i}")));
        var first = Drain(book);
        await Assert.That(first.Count(d => d.Kind == "container down")).IsEqualTo(5);
        // One document says it; the other fourteen are counted in it.
        await Assert.That(first.Single(d => d.Kind == "alerts put off").Suppressed).IsEqualTo(14);
        _clock.Advance(TimeSpan.FromSeconds(100));
        await Assert.That(Drain(book).Count(d => d.Kind == "container down")).IsEqualTo(15);
    }

    [Test]
    public async Task Facts_are_known_without_a_command_and_told_once_there_is_one()
    {
        var silent = new AlertBook(_database, _settings with { Command = [] }, _clock);
        await Assert.That(silent.Open(Notice())).IsTrue();
        await Assert.That(silent.Open(Notice())).IsFalse();
        await Assert.That(silent.Next()).IsEqualTo((null, null));
        _clock.Advance(TimeSpan.FromSeconds(5));
        var book = Book();
        await Assert.That(book.OpenNow().Single().Notice).IsEqualTo(Notice());
        var document = book.Next().Due!.Document;
        await Assert.That(document.State).IsEqualTo("opened");
        await Assert.That(document.Since).IsEqualTo("2026-04-01T12:00:00Z");
        await Assert.That(document.At).IsEqualTo("2026-04-01T12:00:05Z");
    }

    [Test]
    public async Task What_is_written_with_a_change_is_written_once_or_not_at_all()
    {
        void Note(Microsoft.Data.Sqlite.SqliteConnection connection) => connection.Execute("INSERT INTO state(key, value) VALUES('noted', 'x')");
        await Assert.That(_book.Open(Notice(), Note)).IsTrue();
        await Assert.That(_book.Open(Notice(), Note)).IsFalse();
        // The second insert breaks, so the end is not so either.
        await Assert.That(() => _book.Close(Subject, Note)).Throws<Mcp.Errors.McpException>();
        await Assert.That(_book.OpenNow().Count).IsEqualTo(1);
        await Assert.That(Book().OpenNow().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Nothing_is_kept_of_what_is_over_and_told()
    {
        Tell("o 10 c 300", restarts: false);
        _book.Next();
        await Assert.That(_database.Read(c => c.Scalar<long>("SELECT count(*) FROM alerts"))).IsEqualTo(0);
    }

    private string Tell(string story, bool restarts)
    {
        var begin = _clock.GetUtcNow();
        var told = new List<string>();
        var silent = false;
        foreach (var word in story.Split(' '))
        {
            switch (word)
            {
                case "o":
                    _book.Open(Notice());
                    break;
                case "c":
                    _book.Close(Subject);
                    break;
                case "e":
                    _book.Happened(Notice());
                    break;
                case "!":
                    silent = true;
                    break;
                case ".":
                    silent = false;
                    break;
                default:
                    for (var i = int.Parse(word, System.Globalization.CultureInfo.InvariantCulture); i > 0; i--)
                    {
                        Send();
                        _clock.Advance(TimeSpan.FromSeconds(1));
                    }
                    break;
            }
            if (restarts)
                _book = Book();
            Send();
        }
        return string.Join(' ', told);

        void Send()
        {
            if (!silent)
                told.AddRange(Drain(_book).Select(d => $"{(_clock.GetUtcNow() - begin).TotalSeconds:0}{char.ToUpperInvariant(d.State[0])}{d.Suppressed}"));
        }
    }

    private static List<AlertDocument> Drain(AlertBook book)
    {
        var sent = new List<AlertDocument>();
        while (book.Next().Due is { } due)
        {
            sent.Add(due.Document);
            book.Sent(due);
        }
        return sent;
    }

    private AlertBook Book() => new(_database, _settings, _clock);

    private static AlertNotice Notice() => Notice(Subject);

    private static AlertNotice Notice(AlertSubject subject) => new(subject, "error", "notes-web is gone", "mcp start notes");
}
