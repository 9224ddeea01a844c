using Mcp.Errors;
using Mcp.Master.Reading;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>How one kind of operation is ended in the database once its agent has said what happened.</summary>
internal interface IOperationEnding
{
    /// <summary>The kinds in the journal that it ends.</summary>
    IReadOnlyList<string> Kinds { get; }

    /// <summary>Writes what a success means, and the row's end with its answer, in the caller's transaction.</summary>
    void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome);

    /// <summary>Writes what a failure means beside the row's end, in the caller's transaction. <paramref name="holdsNothing"/>: the agent has confirmed it.</summary>
    void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing);
}

/// <summary>
/// Operations that an earlier process, or a call whose end was lost, left open. Each is settled by asking the agent by operation id: done,
/// failed, or never heard of. While the agent cannot be asked, the operation stays open, and nothing else is done to its service.
/// </summary>
internal sealed partial class OpenOperations(
    Database database, AgentOperations agents, AgentHoldings holdings, IReadOnlyList<IOperationEnding> endings, TimeProvider clock, ILogger<OpenOperations> log)
{
    /// <summary>The kind whose parts are operations of their own.</summary>
    public const string ContinuedKind = "sync";

    /// <summary>Kinds of several calls with a journal of their own: whoever began them carries them on at the start, and nothing is done to their services before.</summary>
    public static readonly IReadOnlySet<string> CarriedOnKinds = new HashSet<string>(StringComparer.Ordinal) { ContinuedKind, "restore", "migrate", "migrate-all" };

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    /// <summary>Which operations run in this process: they settle themselves.</summary>
    public Func<string, bool> IsRunningHere { get; set; } = _ => false;

    /// <summary>Whether nothing may be settled yet: a restored master first hears its nodes.</summary>
    public Func<bool> IsHeld { get; set; } = () => false;

    /// <summary>How long an operation that goes on at its agent is waited for; no step of one may take longer.</summary>
    private static readonly TimeSpan AtWorkLimit = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);

    private enum Settling
    {
        Settled,
        AtWork,
        Unknown,
    }

    /// <summary>Open operations of one of <see cref="CarriedOnKinds"/> that nobody is at.</summary>
    /// <exception cref="McpException">The database cannot be read.</exception>
    public List<OperationRow> Left(string kind)
    {
        var idle = database.Read(OperationStore.Open).Where(r => r.Kind == kind && !IsRunningHere(r.Id)).Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        // Read again: one that ended between the two looks is not left.
        return idle.Count == 0 ? [] : database.Read(OperationStore.Open).FindAll(r => idle.Contains(r.Id));
    }

    /// <summary>Tries to settle everything that is open, once.</summary>
    /// <returns>How many stay open.</returns>
    public async Task<int> SettleAsync(CancellationToken cancellation)
    {
        var rows = database.Read(OperationStore.Open).FindAll(r => !CarriedOnKinds.Contains(r.Kind) && !IsRunningHere(r.Id));
        if (IsHeld())
            return rows.Count;
        var settled = await Task.WhenAll(rows.Select(r => SettleAsync(r, cancellation)));
        return settled.Count(s => s != Settling.Settled);
    }

    /// <summary>Keeps trying until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Round, clock);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await SettleAsync(cancellation);
            }
            catch (McpException e)
            {
                LogRound(e.Message, e.Cause ?? "");
            }
        }
    }

    /// <summary>Settles what is open for a service, or refuses to go on. The caller holds the service's lock.</summary>
    /// <exception cref="McpException">Unavailable: the agent that knows cannot be asked.</exception>
    public async Task RequireResolvedAsync(string service, CancellationToken cancellation)
    {
        // A migration holds the service's lock while it is at work: whoever has the lock now came between two attempts to carry it on.
        var rows = database.Read(OperationStore.Open).FindAll(r => r.Service == service && (r.Kind == Migrations.Migrating.Kind || !IsRunningHere(r.Id)));
        foreach (var row in rows)
            await RequireResolvedAsync(row, cancellation);
    }

    /// <summary>Settles one operation, or refuses to go on. One that its agent is still at work on is waited for: it ends by itself.</summary>
    /// <exception cref="McpException">Unavailable: the agent that knows cannot be asked, or has been at work for too long.</exception>
    public async Task RequireResolvedAsync(OperationRow row, CancellationToken cancellation)
    {
        if (CarriedOnKinds.Contains(row.Kind))
        {
            throw new McpException(FaultCode.Unavailable, $"an earlier {row.Kind} of {row.Service} ({row.Id}) was cut short by the master's end and is about to be carried on")
            {
                Hint = $"mcp watch {row.Id}",
            };
        }
        var started = clock.GetTimestamp();
        while (true)
        {
            var settling = await SettleAsync(row, cancellation);
            if (settling == Settling.Settled)
                return;
            if (settling == Settling.AtWork && clock.GetElapsedTime(started) < AtWorkLimit)
            {
                await Task.Delay(AskAgain, clock, cancellation);
                continue;
            }
            throw new McpException(
                FaultCode.Unavailable,
                settling == Settling.AtWork
                    ? $"an earlier {row.Kind} of {row.Service} ({row.Id}) is still at work on {row.Node}"
                    : $"an earlier {row.Kind} of {row.Service} ({row.Id}) is open, and {row.Node} does not say what became of it")
            {
                Node = row.Node,
                Hint = settling == Settling.AtWork
                    ? $"mcp watch {row.Id}"
                    : $"bring {row.Node} back (mcp node list), or give it up: mcp node remove {row.Node} --lost",
            };
        }
    }

    private async Task<Settling> SettleAsync(OperationRow row, CancellationToken cancellation)
    {
        if (!row.Called || row.Node.Length == 0)
        {
            End(row, new McpException(FaultCode.Aborted, $"the master ended before the {row.Kind} of {row.Service} reached a node; nothing was done") { Step = row.Step, Hint = $"mcp {row.Kind} {row.Service}" }, putBack: false, holdsNothing: false);
            return Settling.Settled;
        }
        switch (await agents.AskAsync(row.Node, row.Id, cancellation))
        {
            case AgentOutcome.Succeeded outcome:
                database.Write(connection =>
                {
                    if (OperationStore.Find(connection, row.Id) is not { IsOpen: true })
                        return;
                    EndingOf(row).Succeeded(connection, row with { Steps = [.. Before(row), new StepResult { Step = row.Step, Success = true }] }, outcome);
                    Tell(connection, row, "info", $"the {row.Kind} of {row.Service} was left open by the master's end or a lost link; {row.Node} has done it");
                });
                LogSettled(row.Kind, row.Service, row.Id, "succeeded");
                return Settling.Settled;
            case AgentOutcome.Failed outcome:
                var failed = new StepResult { Step = row.Step, Error = Printable.Block(outcome.Fault.Message) };
                End(row with { Steps = [.. Before(row), .. outcome.Steps, failed] }, outcome.Fault, outcome.PutBack, await holdings.HoldsNothingAsync(row.Node, row.Service, cancellation));
                return Settling.Settled;
            case AgentOutcome.NeverArrived when IsPartOfContinued(row):
                // As if it had never been begun: the sync that goes on begins it again, and the agent never heard of its id.
                var nothing = await holdings.HoldsNothingAsync(row.Node, row.Service, cancellation);
                database.Write(connection =>
                {
                    if (OperationStore.Find(connection, row.Id) is not { IsOpen: true })
                        return;
                    EndingOf(row).Failed(connection, row, nothing);
                    OperationStore.Forget(connection, row.Id);
                });
                LogSettled(row.Kind, row.Service, row.Id, "never arrived; its sync begins it again");
                return Settling.Settled;
            case AgentOutcome.NeverArrived:
                var never = new McpException(FaultCode.Aborted, $"the {row.Kind} of {row.Service} never reached {row.Node}; nothing was done")
                {
                    Node = row.Node,
                    Step = row.Step,
                    Cause = "the master ended, or the link broke, before the call arrived there",
                    Hint = $"mcp {row.Kind} {row.Service}",
                };
                End(row, never, putBack: false, await holdings.HoldsNothingAsync(row.Node, row.Service, cancellation));
                return Settling.Settled;
            case AgentOutcome.Running:
                return Settling.AtWork;
            default:
                return Settling.Unknown;
        }
    }

    private void End(OperationRow row, McpException fault, bool putBack, bool holdsNothing)
    {
        database.Write(connection =>
        {
            if (OperationStore.Find(connection, row.Id) is not { IsOpen: true })
                return;
            EndingOf(row).Failed(connection, row, holdsNothing);
            OperationStore.Fail(connection, row.Id, fault, putBack, row.Steps, Timestamp.Now(clock));
            var end = putBack ? "it was put back, and what ran before runs" : "it has failed";
            Tell(connection, row, "warning", $"the {row.Kind} of {row.Service} was left open by the master's end or a lost link; {end}: {fault.Message}");
        });
        LogSettled(row.Kind, row.Service, row.Id, fault.Message);
    }

    // The steps of the process that died were in its memory; those that must lie behind a row that called its agent are known.
    private static StepResult[] Before(OperationRow row) => row.Kind is "deploy" or "rollback" ? [new StepResult { Step = "place", Success = true }] : [];

    // Who asked has perhaps gone long since; the fleet's events say how it ended.
    private void Tell(SqliteConnection connection, OperationRow row, string severity, string message) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = row.Node,
        Service = row.Service,
        Kind = "operation-settled",
        Severity = severity,
        Message = Printable.Line(message),
        Principal = row.Principal,
        Operation = row.Id,
    });

    private bool IsPartOfContinued(OperationRow row) =>
        database.Read(OperationStore.Open).Exists(o => o.Kind == ContinuedKind && row.Id.StartsWith(o.Id + "-", StringComparison.Ordinal));

    private IOperationEnding EndingOf(OperationRow row) =>
        endings.FirstOrDefault(e => e.Kinds.Contains(row.Kind))
        ?? throw new McpException(FaultCode.Unimplemented, $"the open operation {row.Id} is a {row.Kind}, which this version cannot finish") { Hint = "start the version that began it" };
}
