using Mcp.Cli;
using Mcp.Transport;

NameLookup.UseBuiltInModules();

return args switch
{
    ["--version"] => PrintVersion(),
    ["self-check"] => SelfCheckCommand.Run(host: null),
    ["self-check", var host] => SelfCheckCommand.Run(host),
    _ => 1,
};

static int PrintVersion()
{
    Console.Out.WriteLine(typeof(SelfCheckCommand).Assembly.GetName().Version?.ToString(3));
    return 0;
}
