using ConsoleAppFramework;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;

namespace Mcp.Cli;

/// <summary>Makes this machine an operator's machine.</summary>
internal sealed class LoginCommand(CommandContext context)
{
    /// <summary>Logs this machine in to a fleet, with a token from 'mcp operator add' on standard input.</summary>
    /// <param name="masterAddress">master-address: host:port of the master</param>
    /// <param name="tokenFile">read the token from this file instead of standard input</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("login")]
    public async Task Login([Argument] string masterAddress, string? tokenFile = null, CancellationToken cancel = default)
    {
        var folder = ConfigurationFolder.Find(context);
        folder.Check();
        var token = TokenInput.Read(context, tokenFile);
        var joined = await new FleetLogin(context.Clock, folder).RunAsync(masterAddress, token, cancel);
        context.Screen.Line($"logged in to fleet {joined.Fleet} ({joined.Domain}) as {joined.Name}, role {joined.Role}, until {joined.Expires}");
        context.Reporter.Note($"configuration: {folder.ConfigFile}\nnext: mcp status");
    }
}
