using ConsoleAppFramework;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;

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

    /// <summary>Runs the master until it is told to end; a unit of systemd does this.</summary>
    /// <param name="config">its configuration</param>
    /// <param name="cancel">SIGTERM, Ctrl-C.</param>
    [Command("run")]
    public async Task<int> Run(string config = MasterConfigurationReader.DefaultPath, CancellationToken cancel = default)
    {
        var configuration = MasterConfigurationReader.ReadFile(config);
        using var logging = RoleLogging.Create(context, configuration.LogLevel, configuration.LogFormat);
        return await MasterHost.RunAsync(configuration, logging, cancel);
    }
}
