using System.Text;

namespace Mcp.Master.Configuration;

/// <summary>The configuration that <c>mcp master init</c> writes: what was chosen, and nothing that has a good default.</summary>
internal static class MasterConfigurationText
{
    /// <summary>The text for <paramref name="configuration"/>, whose file will lie in its home.</summary>
    public static string Write(MasterConfiguration configuration)
    {
        var text = new StringBuilder()
            .AppendLine("# The master of this fleet. Every other key has a default; see docs/configuration.md.")
            .AppendLine("[server]")
            .AppendLine($"grpc_addr = [{string.Join(", ", configuration.Listen.Select(Quoted))}]")
            .AppendLine($"address = {Quoted(configuration.Address)}   # where agents and operators dial this master");
        if (configuration.Socket != "/run/mcp-master/master.sock")
            text.AppendLine($"socket = {Quoted(configuration.Socket)}");
        text.AppendLine()
            .AppendLine("[fleet]")
            .AppendLine($"name = {Quoted(configuration.FleetName)}")
            .AppendLine($"domain = {Quoted(configuration.Domain)}   # the trust domain of every identity; cannot change later")
            .AppendLine($"zone = {Quoted(configuration.Zone)}");
        if (configuration.AllowedDomains.Count > 0)
        {
            text.AppendLine()
                .AppendLine("[edge]")
                .AppendLine($"allowed_domains = [{string.Join(", ", configuration.AllowedDomains.Select(Quoted))}]");
        }
        return text.ToString();
    }

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
