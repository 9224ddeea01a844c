using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;
using Mcp.Master.Registration;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The master: created once, then run.</summary>
internal sealed class MasterCommand(CommandContext context)
{
    /// <summary>Creates a fleet: its certificate authority, its master, and a token for the first operator.</summary>
    /// <param name="domain">trust domain and base of names, as example.net; it cannot change later</param>
    /// <param name="address">host:port at which nodes and operators reach this master</param>
    /// <param name="name">what people call the fleet</param>
    /// <param name="operator">the first operator, an admin</param>
    /// <param name="zone">where internal names lie (default: svc.&lt;domain&gt;)</param>
    /// <param name="allowedDomains">public hostnames must lie under one of these, comma-separated</param>
    /// <param name="home">the master's folder</param>
    [Command("init")]
    public void Init(
        string domain, string address, string name = "fleet", string @operator = "admin", string? zone = null, string? allowedDomains = null,
        string home = "/srv/mcp-master")
    {
        var configuration = MasterConfiguration.At(Path.GetFullPath(home), name, domain, address);
        configuration = configuration with
        {
            Zone = zone ?? configuration.Zone,
            AllowedDomains = [.. (allowedDomains ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
        };
        MasterInit.Run(configuration, @operator, context.Clock, created =>
        {
            context.Reporter.Note($"fleet {name} ({domain}) is created in {configuration.Home}.");
            context.Reporter.Note($"Start it:      mcp master run --config {created.ConfigurationFile}");
            context.Reporter.Note($"Then log in:   mcp login {address}");
            context.Reporter.Note($"with this token of operator {created.FirstOperator} on standard input, good once and for one hour:");
            context.Screen.Line(created.Invitation.Token.Reveal());
        });
    }

    /// <summary>Lets a restored master go on without a node that will not come back; it waits for every other one.</summary>
    /// <param name="node">node: which one is lost</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("accept-missing")]
    public async Task AcceptMissing([Argument] string node, bool yes = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        Confirmation.Require(context, $"go on without {node}? newer data that it may hold is not known until it comes back", link.Fleet, yes, $"mcp master accept-missing {node}");
        var answer = await link.Master.AcceptMissingAsync(new AcceptMissingRequest { Node = node }, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line(answer.Awaited.Count == 0 ? "the master waits for no node any more and works as usual" : $"the master still waits for {string.Join(", ", answer.Awaited)}");
    }

    /// <summary>Runs the master until it is told to end; a unit of systemd does this.</summary>
    /// <param name="config">its configuration</param>
    /// <param name="cancel">SIGTERM, Ctrl-C.</param>
    [Command("run")]
    public async Task<int> Run(string config = MasterConfigurationReader.DefaultPath, CancellationToken cancel = default)
    {
        var configuration = MasterConfigurationReader.ReadFile(config);
        using var logging = RoleLogging.Create(context, configuration.LogLevel, configuration.LogFormat);
        using var resting = new RestingMemory(context.Clock);
        try
        {
            return await MasterHost.RunAsync(configuration, logging, cancel);
        }
        catch (McpException e) when (e.Step == TermWatch.Step)
        {
            context.Reporter.Error(e);
            return ExitCode.Outlived;
        }
    }
}
