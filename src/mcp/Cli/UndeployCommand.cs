using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Takes a service off its node; its data stays.</summary>
internal sealed class UndeployCommand(CommandContext context)
{
    /// <summary>Removes a service's containers and its placement; its data stays where it is, and the next deploy goes back to it.</summary>
    /// <param name="service">service: which</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node</param>
    /// <param name="cancel">Ctrl-C lets go; the removal runs on.</param>
    [Command("undeploy")]
    public async Task<int> Undeploy([Argument] string service, bool yes = false, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        if (target.Component.Length > 0)
            throw new McpException(FaultCode.InvalidArgument, "a service is undeployed as a whole") { Hint = $"mcp undeploy {target.Service}, or take the component out of its definition and deploy" };
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        Confirmation.Require(context, $"undeploy {target.Service}? Its data stays.", link.Fleet, yes, $"mcp undeploy {target.Service}");

        var run = new OperationRun(context, link, $"undeploy of {target}");
        UndeployResponse outcome;
        if (link.ToAgent)
        {
            var answer = await run.CallAsync(o => link.Agent.UndeployServiceAsync(new UndeployServiceRequest { Service = target.Service }, o), cancel);
            outcome = new UndeployResponse { Success = answer.Steps.All(s => s.Success || s.Skipped), Steps = { answer.Steps }, Data = answer.Data };
        }
        else
        {
            outcome = await run.CallAsync(o => link.Master.UndeployAsync(new UndeployRequest { ServiceName = target.Service }, o), cancel);
        }
        if (!outcome.Success)
        {
            var failed = outcome.Steps.FirstOrDefault(s => !s.Success && !s.Skipped);
            context.Reporter.Error(new McpException(FaultCode.Aborted, outcome.Error.Length > 0 ? outcome.Error : $"undeploy of {target} failed")
            {
                Step = failed?.Step,
                Cause = failed?.Error,
                Hint = $"mcp undeploy {target.Service}   (it goes on where it stopped)",
            });
            return ExitCode.Error;
        }
        link.Seen?.Remember([KeyValuePair.Create(target.Service, 0UL)]);
        context.Screen.Line($"{target.Service} is undeployed");
        if (outcome.Data is { Service.Length: > 0 } data)
            context.Screen.Line($"  its data stays on {data.Node}{(data.Path.Length > 0 ? $" in {data.Path}" : "")}{(data.Bytes > 0 ? $" ({Measures.Bytes(data.Bytes)})" : "")}; to erase it: mcp data purge {target.Service}");
        return ExitCode.Done;
    }
}
