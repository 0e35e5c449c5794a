#!/bin/sh
# Builds everything and puts the programs into artifacts/dist.
set -eu
cd "$(dirname "$0")"
dist=artifacts/dist

if ! command -v dotnet >/dev/null 2>&1; then
    echo "build.sh: the .NET 10 SDK is missing (https://dotnet.microsoft.com/download/dotnet/10.0)" >&2
    exit 1
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build Redoubt.slnx -c Release -v quiet --property WarningLevel=4
rm -rf "$dist.new"
for project in src/Redoubt.Daemon src/Redoubt.Cli src/Redoubt.Web lab/Redoubt.Lab; do
    dotnet publish "$project" -c Release -v quiet --no-build -o "$dist.new"
done
rm -rf "$dist"
mv "$dist.new" "$dist"
echo "built: $dist/redoubtd $dist/redoubt $dist/redoubt-web $dist/redoubt-lab"
