using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Cli;

/// <summary>Stands around every command: whatever it throws reaches the operator through the one reporter, and the exit code is 1.</summary>
internal sealed class ReportingFilter(ConsoleAppFilter next) : ConsoleAppFilter(next)
{
    /// <inheritdoc/>
    public override async Task InvokeAsync(ConsoleAppContext context, CancellationToken cancellationToken)
    {
        var command = (CommandContext)ConsoleApp.ServiceProvider!;
        try
        {
            await Next.InvokeAsync(context, cancellationToken);
        }
        catch (Exception e)
        {
            Environment.ExitCode = ExitCode.Error;
            Report(command, e, context.CommandName, cancellationToken);
        }
    }

    // What works against the agents themselves; those that only read ask all nodes when none is named.
    private static readonly HashSet<string> Reading = ["list", "ps", "status", "logs", "events", "history", "watch", "data list", "service show", "service export"];

    private static readonly HashSet<string> WithoutMaster = [.. Reading, "deploy", "undeploy", "stop", "start", "restart", "push", "pull", "adopt", "purge"];

    private static void Report(CommandContext command, Exception e, string name, CancellationToken cancelled)
    {
        switch (e)
        {
            case McpException fault:
                command.Reporter.Error(fault);
                if (WithoutMaster.Contains(name) && ConnectionFault.Broke(fault) && fault.Message.Contains(Principal.TheMaster.ToString(), StringComparison.Ordinal))
                    command.Reporter.Note($"  without the master: mcp {name} … --direct{(Reading.Contains(name) ? "" : " -n <node>")}");
                break;
            case DetachedException detached:
                command.Reporter.Note($"{detached.Message}\n  next: mcp watch {detached.Id}");
                break;
            case OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } when cancelled.IsCancellationRequested:
                command.Reporter.Error($"mcp {name} was interrupted");
                break;
            case RpcException rpc:
                command.Reporter.Error($"mcp {name}: {rpc.Status.Detail} ({rpc.StatusCode})");
                break;
            case IOException or UnauthorizedAccessException:
                command.Reporter.Error($"mcp {name}: {e.Message}");
                break;
            case ArgumentParseFailedException or ArgumentException or FormatException:
                command.Reporter.Error(e.Message, $"mcp {name} --help");
                break;
            default:
                // A broken promise of our own: the words and the stack are all there is to find it by.
                command.Reporter.Error($"mcp {name} failed unexpectedly; this is a defect of mcp {ProgramVersion.Text}\n{e}");
                break;
        }
    }
}
